// Which SQL reads what is held of somebody besides events? Pure.
import { hexOf } from '../../events';
import { hexToUInt64 } from '../../events/pipeline';
import { type Sql, sql, text, texts, uint32 } from '../../platform/clickhouse/sql';
import { hashList } from '../people.queries';

/** A link of somebody. */
export interface LinkRow {
  visitor: string;
  user: string;
  firstMs: number;
}

export const heldLinks = (project: number, hashes: readonly string[]): Sql => sql`
SELECT ${hexOf(sql`visitor_id`)} AS visitor, ${hexOf(sql`user_id`)} AS user, toUnixTimestamp64Milli(min(first_at)) AS firstMs
FROM visitor_links
WHERE project_id = ${uint32(project)} AND (visitor_id IN ${hashList(hashes)} OR user_id IN ${hashList(hashes)})
GROUP BY visitor_id, user_id
ORDER BY firstMs, visitor, user`;

/** A refused event that names somebody; `receivedAt` is milliseconds, the rest is as it is kept. */
export interface RejectRow {
  receivedAt: number;
  eventId: string;
  name: string;
  code: string;
  errors: string;
  payload: string;
}

export const heldRejects = (project: number, hashes: readonly string[]): Sql => sql`
SELECT toUnixTimestamp64Milli(received_at) AS receivedAt, event_id AS eventId, name, code, errors, payload
FROM rejected_events FINAL
WHERE project_id = ${uint32(project)}
  AND hasAny(extractAll(payload, ${text('"([0-9a-f]{16}|[0-9]{1,20})\\\\?"')}), ${texts(
    hashes.flatMap((hash) => [hash, hexToUInt64(hash)]),
  )})
ORDER BY received_at, reject_id
LIMIT ${uint32(100_000)}`;
