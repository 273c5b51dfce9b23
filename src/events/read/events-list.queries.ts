// Which SQL reads single events: a page of the list, one by its id, and the day of the first one? Pure.
import { instant, type Sql, sql, text, uint32, uuid } from '../../platform/clickhouse/sql';
import { STORABLE, within } from '../query/source';
import { type EventRead, eventsOf } from './selection';
import { storedEventColumns } from './stored-event';

/** Direction of a list: by time, newest or oldest first. */
export type EventOrder = 'asc' | 'desc';

/** Place of an event in the list: its time, then its id as text. */
export interface EventPlace {
  readonly tsMs: number;
  readonly eventId: string;
}

const id = sql`toString(event_id)`;

/** A stretch of the list, in its order: rows of `storedEventColumns`.
 *  TRICKY: the place of an event is (time, id), both of which stand in the sort key. An arrival time would change when the
 *  same event is sent again, and a walk would then skip or repeat it. Ids compare as text, so that those of version 7 keep
 *  the order in which they were made (the engine compares UUIDs by their second half first).
 *  @param after the last event that was seen */
export const eventsPage = (read: EventRead, order: EventOrder, limit: number, after?: EventPlace): Sql =>
  sql`SELECT ${storedEventColumns}
${eventsOf(read)}${after === undefined ? sql`` : sql` AND ${beyond(order, after)}`}
ORDER BY ${order === 'desc' ? sql`ts DESC, ${id} DESC` : sql`ts, ${id}`}
LIMIT ${uint32(limit)}`;

const beyond = (order: EventOrder, { tsMs, eventId }: EventPlace): Sql => {
  const sign = order === 'desc' ? sql`<` : sql`>`;
  return sql`(ts ${sign} ${instant(tsMs)} OR (ts = ${instant(tsMs)} AND ${id} ${sign} ${text(eventId)}))`;
};

/** One event by its id; the first received, should it have been stored under two times. */
export const eventById = (read: EventRead, eventId: string): Sql => sql`SELECT ${storedEventColumns}
${eventsOf(read)} AND event_id = ${uuid(eventId)}
ORDER BY received_at
LIMIT 1`;

/** { ms }: the time of a project's first event that is shown; no row where it has none. Its day comes from the head of the table's order: cheap. */
export const firstEvent = (project: number, since = STORABLE.from): Sql => {
  const all = within(project, { from: since, to: STORABLE.to });
  return sql`SELECT toUnixTimestamp64Milli(ts) AS ms
FROM events
WHERE ${all} AND toDate(ts) = (
  SELECT toDate(ts) FROM events WHERE ${all} ORDER BY project_id, toDate(ts) LIMIT 1)
ORDER BY ts
LIMIT 1`;
};
