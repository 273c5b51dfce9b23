// Which SQL says all that is kept about one person? Over the whole history, of which a person has one granule a day. Pure.
import { hexOf } from '../../events';
import { type EventScope, sessionGap, type SessionScan, STORABLE, within } from '../../events/query';
import { hash, type Sql, sql, uint32, uuid } from '../../platform/clickhouse/sql';
import { hexToUInt64 } from '../../events/pipeline';
import { surroundings, touch } from '../columns';
import { hashList, type Person } from '../people.queries';

/** Everything of a person that is shown, and their sessions whole. */
export const lifeOf = (project: number, since: number | undefined, { id, visitors }: Person) => {
  const range = { from: Math.max(since ?? STORABLE.from, STORABLE.from), to: STORABLE.to };
  const sessions: SessionScan = { near: range, related: [id, ...visitors].map(hexToUInt64) };
  return { project, range, sessions, ...(since === undefined ? {} : { since }) } satisfies EventScope;
};

/** The events of a person, without looking at links again: FROM … WHERE …, to be continued. */
const eventsOfPerson = ({ project, range }: EventScope, { id, visitors, own }: Person): Sql => sql`FROM events FINAL
WHERE ${within(project, range)} AND visitor_id IN ${hashList([id, ...visitors])}
  AND (user_id = ${hash(id)} OR (user_id = 0 AND visitor_id IN ${hashList([id, ...own])}))`;

/** Whether there is anything of a person: one row, or none. */
export const anyEvent = (scope: EventScope, person: Person): Sql =>
  sql`SELECT 1 AS found ${eventsOfPerson(scope, person)} LIMIT 1`;

/** An event by its moment, milliseconds, and its id. */
export type EventMark = [at: number, id: string];

/** Times are milliseconds. `first` is the first event, `last` the first of the last session. */
export interface ProfileRow {
  total: number;
  views: number;
  visits: number;
  firstMs: number;
  lastMs: number;
  money: Record<string, string>;
  first: EventMark;
  last: EventMark;
  isUser: number;
}

/** The figures of a person: one row of `ProfileRow`, its `total` 0 where there is nothing. It names the two events that say where somebody
 *  came from: what these say is a dozen texts, too wide to be read of every event. */
export const profileFigures = (scope: EventScope, person: Person): Sql => sql`
SELECT sum(length(events)) AS total, sum(pages) AS views, sum(length(parts)) AS visits,
  min(events[1].1) AS firstMs, max(events[-1].1) AS lastMs,
  mapApply((code, amount) -> (code, toString(amount)), sumMap(sums)) AS money,
  argMin((events[1].1, events[1].4), events[1]) AS first,
  argMin((parts[-1][1].1, parts[-1][1].4), (-parts[-1][1].1, parts[-1][1])) AS last,
  max(known) AS isUser
FROM (
  SELECT *, arraySplit((event, silence) -> silence > ${sessionGap}, events, arrayDifference(events.1)) AS parts
  FROM (
    SELECT session_id, countIf(name = 'pageview') AS pages, max(user_id = ${hash(person.id)} OR visitor_id != ${hash(person.id)}) AS known,
      sumMapIf(map(currency, toDecimal128(revenue, 4)), currency != '') AS sums,
      arraySort(groupArray((toUnixTimestamp64Milli(ts), received_at, seq, toString(event_id)))) AS events
    ${eventsOfPerson(scope, person)}
    GROUP BY session_id))`;

/** What an event of a person says about where they came from: one row, as `toTouch` reads it, or none. */
export const touchOf = (scope: EventScope, person: Person, [at, id]: EventMark): Sql => sql`
SELECT ${touch} AS said ${eventsOfPerson({ ...scope, range: { from: at, to: at + 1 } }, person)} AND event_id = ${uuid(id)}`;

/** A device or a place. */
export interface SurroundingsRow {
  isPlace: number;
  visitor: string;
  around: string[];
  total: number;
  firstMs: number;
  lastMs: number;
}

/** Visitors of a person with their browsers, and places: each seen last first, and at most `limit`. In one pass, as each looks for the person in
 *  every day that is kept. */
export const surroundingsOf = (scope: EventScope, person: Person, limit: number): Sql => sql`
SELECT grouping(visitor_id) AS isPlace, ${hexOf(sql`visitor_id`)} AS visitor, any(${surroundings}) AS around,
  count() AS total, toUnixTimestamp64Milli(min(ts)) AS firstMs, toUnixTimestamp64Milli(max(ts)) AS lastMs
${eventsOfPerson(scope, person)}
GROUP BY GROUPING SETS ((visitor_id, browser, os, device), (country, region, city))
ORDER BY max(ts) DESC, visitor_id, browser, os, device, country, region, city
LIMIT ${uint32(limit)} BY isPlace`;
