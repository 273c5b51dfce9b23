// Which statements answer "who is there now"? One for the snapshot; two for the figures that streams count on. Pure.
import { MINUTE_MS, type TimeRange } from '../../common/time-range';
import { hexOf } from '../../events';
import {
  bothNeed,
  during,
  type EventScope,
  eventSource,
  type Filter,
  filterSql,
  needsOfFilter,
  PLAIN,
} from '../../events/query';
import { instant, nothing, type Sql, sql, uint32 } from '../../platform/clickhouse/sql';

export const SHORT_MS = 5 * MINUTE_MS;
export const LONG_MS = 30 * MINUTE_MS;
/** Minutes of the series, the running one included. */
export const MINUTES = 30;

/** A row of the snapshot. `value` is '' where the kind has none. */
export interface SnapshotRow {
  readonly kind: 'long' | 'short' | 'minute' | 'page' | 'referrer' | 'country' | 'event';
  /** Of a minute: its beginning in seconds since the epoch. */
  readonly value: string;
  readonly visitors: number;
  readonly events: number;
  readonly pageviews: number;
}

/** What a snapshot needs of the rows that it reads. */
export const snapshotNeeds = (filter: Filter | undefined) =>
  bothNeed({ ...PLAIN, identity: true }, needsOfFilter(filter));

/** The half hour that ends with the millisecond `now`. */
export const lastHalfHour = (now: number): TimeRange => ({ from: now + 1 - LONG_MS, to: now + 1 });

/** Beginning of the first minute of the series. */
export const firstMinute = (now: number): number => Math.floor(now / MINUTE_MS) * MINUTE_MS - (MINUTES - 1) * MINUTE_MS;

/** All of a snapshot in one pass: each event counts for the kinds that it belongs to. Rows of `SnapshotRow`, the highest first.
 *  @param most rows a kind; a series has 30 */
export const snapshotQuery = (scope: EventScope, now: number, filter: Filter | undefined, most: number): Sql => sql`
SELECT item.1 AS kind, item.2 AS value, uniqExact(identity) AS visitors, count() AS events, countIf(name = 'pageview') AS pageviews
FROM (
  SELECT identity, name, arrayJoin(arrayFilter(item -> item.1 != '', [
    ('long', ''),
    (if(ts >= ${instant(now + 1 - SHORT_MS)}, 'short', ''), ''),
    (if(ts >= ${instant(firstMinute(now))}, 'minute', ''), toString(toUnixTimestamp(toStartOfMinute(ts)))),
    (if(name = 'pageview', 'page', ''), toString(path)),
    (if(name = 'pageview', 'referrer', ''), toString(referrer_host)),
    ('country', toString(country)),
    ('event', toString(name))])) AS item
  FROM ${eventSource(scope, snapshotNeeds(filter))}
  WHERE ${during(scope.range)}${filter === undefined ? nothing : sql` AND ${filterSql(filter, scope)}`})
GROUP BY item
ORDER BY kind, visitors DESC, events DESC, value
LIMIT ${uint32(most)} BY kind`;

/** Visitors of the range: rows { visitor, owner, lastMs }. */
export const recentVisitors = (scope: EventScope, most: number): Sql => sql`
SELECT ${hexOf(sql`visitor_id`)} AS visitor, ${hexOf(sql`identity`)} AS owner, toUnixTimestamp64Milli(max(ts)) AS lastMs
FROM ${eventSource(scope, { identity: true, sessions: false })}
GROUP BY visitor_id, identity
LIMIT ${uint32(most)}`;

/** Events of the range by second: rows { second, events, pageviews, latest }.
 *  @param since `latest` holds the ids of what arrived from this moment on */
export const recentSeconds = (scope: EventScope, since: number): Sql => sql`
SELECT toUnixTimestamp(toStartOfSecond(ts)) AS second, count() AS events, countIf(name = 'pageview') AS pageviews,
  groupArrayIf(toString(event_id), received_at >= ${instant(since)}) AS latest
FROM ${eventSource(scope, PLAIN)}
GROUP BY second`;
