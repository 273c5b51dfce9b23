// To whom does a hash belong, and whose hashes belong to a person? Over the links, which hold for the past too. Pure.
import { hexOf } from '../events';
import { hexToUInt64 } from '../events/pipeline';
import { firstLinks, visitorList } from '../events/query';
import { type Bound, type Sql, sql, uint32 } from '../platform/clickhouse/sql';

/** Somebody after links: a user with all visitors that were seen with it, or a visitor that was linked to nobody. Hashes are 16
 *  hexadecimal digits. */
export interface Person {
  readonly id: string;
  /** Visitors of whom at least some events are this person's, `id` itself left out. */
  readonly visitors: readonly string[];
  /** Those of them whose events without a user are this person's. */
  readonly own: readonly string[];
}

/** Hashes as a bound list. */
export const hashList = (hashes: readonly string[]): Bound => visitorList(hashes.map(hexToUInt64));

/** The user to whom each of these visitors was first linked: rows { visitor, user }; none for those without a link. */
export const ownersOf = (project: number, visitors: readonly string[]): Sql => sql`
SELECT ${hexOf(sql`visitor_id`)} AS visitor, ${hexOf(sql`linked_user`)} AS user
FROM ${firstLinks(project, sql`visitor_id IN ${hashList(visitors)}`)}`;

/** Visitors that were ever linked to these users, with the user to whom each was linked first: rows { visitor, user }. */
export const linkedTo = (project: number, users: readonly string[], limit: number): Sql => sql`
SELECT ${hexOf(sql`visitor_id`)} AS visitor, ${hexOf(sql`linked_user`)} AS user
FROM ${firstLinks(
  project,
  sql`visitor_id IN (SELECT visitor_id FROM visitor_links WHERE project_id = ${uint32(project)} AND user_id IN ${hashList(users)})`,
)}
ORDER BY visitor_id
LIMIT ${uint32(limit)}`;

/** Visitors that were ever linked to these users, whoever they were linked to first: rows { visitor }. */
export const seenAs = (project: number, users: readonly string[], limit: number): Sql => sql`
SELECT DISTINCT ${hexOf(sql`visitor_id`)} AS visitor
FROM visitor_links
WHERE project_id = ${uint32(project)} AND user_id IN ${hashList(users)}
LIMIT ${uint32(limit)}`;
