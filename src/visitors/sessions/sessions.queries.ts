// Which SQL lists sessions? The names of a page of them, then what is shown of each. Pure.
import type { TimeRange } from '../../common/time-range';
import { hexOf } from '../../events';
import {
  bothNeed,
  during,
  eventSource,
  type EventScope,
  type Filter,
  filterSql,
  needsOfFilter,
  PLAIN,
  sessionEvents,
  sessionGap,
  sessionSource,
  storable,
  visitorList,
} from '../../events/query';
import { hexToUInt64 } from '../../events/pipeline';
import { Bound, hash, instant, int64, nothing, type Sql, sql, uint32, uuids } from '../../platform/clickhouse/sql';
import { surroundings, touch } from '../columns';
import type { SessionName } from '../session-id';

/** A session as it is known by; times in milliseconds. */
export interface SessionKey extends SessionName {
  readonly endedMs: number;
}

const HELD = { identity: true, sessions: true };

/** Which sessions. */
export interface SessionsQuestion {
  /** With the sessions that touch its range. */
  readonly scope: EventScope;
  /** When they began. */
  readonly began: TimeRange;
  readonly filter?: Filter;
  /** Of this person alone, 16 hexadecimal digits. */
  readonly of?: string;
}

/** Sessions that hold a selected event, by when they began, newest first: rows of `SessionKey`.
 *  @param after the last one that was seen */
export const sessionsPage = (
  { scope, began, filter, of }: SessionsQuestion,
  limit: number,
  after?: SessionName,
): Sql => {
  const needs = bothNeed(HELD, needsOfFilter(filter));
  const from = filter === undefined ? sessionSource(scope) : eventSource(scope, needs);
  const beyond = (place: SessionName): Sql => {
    const at = instant(place.beganMs);
    const who = hash(place.visitor);
    return sql` AND (session_began < ${at} OR (session_began = ${at} AND
      (identity < ${who} OR (identity = ${who} AND session_id < ${hash(place.session)}))))`;
  };
  return sql`SELECT ${hexOf(sql`identity`)} AS visitor, ${hexOf(sql`session_id`)} AS session,
  toUnixTimestamp64Milli(session_began) AS beganMs, toUnixTimestamp64Milli(${filter === undefined ? sql`session_ended` : sql`any(session_ended)`}) AS endedMs
FROM ${from}
WHERE ${during(began, sql`session_began`)}${after === undefined ? nothing : beyond(after)}
  ${of === undefined ? nothing : sql`AND identity = ${hash(of)}`} AND ${filterSql(filter, scope)}
${filter === undefined ? nothing : sql`GROUP BY identity, session_id, session_began`}
ORDER BY session_began DESC, identity DESC, session_id DESC
LIMIT ${uint32(limit)}`;
};

/** An event by its place in the warehouse: visitor as decimal text, moment in milliseconds, id. */
export type EventKey = [visitor: string, at: number, id: string];

/** The figures of a session; times in milliseconds. The events are those that say the rest: the first one, the first and the last pageview
 *  (of zeros where there is none). What they say is two dozen texts, too wide to be gathered of every event. */
export interface SessionFigures extends SessionKey {
  total: number;
  views: number;
  money: Record<string, string>;
  isUser: number;
  says: [first: EventKey, entry: EventKey, exit: EventKey];
}

/** What is shown of a session; texts as `columns.ts` reads them. */
export interface SessionRow extends Omit<SessionFigures, 'says'> {
  entry: string;
  exit: string;
  first: string[];
  around: string[];
}

/** The figures of some sessions: rows of `SessionFigures`, in no order. Their events are cut once, and never joined back to what was cut.
 *  @param scope with a scan that holds them whole
 *  @param chosen a condition on `identity`, `session_id` and `part`, the events of a session as tuples that begin with their moment */
const figuresOf = (scope: EventScope, chosen: Sql, filter?: Filter): Sql => sql`
SELECT ${hexOf(sql`identity`)} AS visitor, ${hexOf(sql`session_id`)} AS session, part[1].1 AS beganMs, part[-1].1 AS endedMs,
  length(part) AS total, length(pages) AS views,
  mapApply((code, amount) -> (code, toString(amount)), arrayReduce('sumMap', arrayMap(event -> event.7, arrayFilter(event -> event.8, part)))) AS money,
  arrayExists(event -> event.9, part) AS isUser,
  arrayMap(event -> (event.5, event.1, event.4), [part[1], pages[1], pages[-1]]) AS says
FROM (
  SELECT identity, session_id, part, arrayFilter(event -> event.6, part) AS pages
  FROM (
    SELECT identity, session_id,
      arraySplit((event, silence) -> silence > ${sessionGap}, events, arrayDifference(events.1)) AS parts
    FROM (
      SELECT identity, session_id, arraySort(groupArray((
        toUnixTimestamp64Milli(ts), received_at, seq, toString(event_id), toString(visitor_id), name = 'pageview',
        map(currency, toDecimal128(revenue, 4)), currency != '', user_id = identity OR visitor_id != identity${
          filter === undefined ? nothing : sql`, ${filterSql(filter, scope)}`
        }))) AS events
      FROM ${sessionEvents(scope)}
      GROUP BY identity, session_id))
  ARRAY JOIN parts AS part
  WHERE ${chosen})`;

/** `sessionsPage` with its figures, in one pass: for a scope of few events, and a filter that looks at single ones. */
export const sessionsPageWhole = (
  { scope, began, filter, of }: SessionsQuestion,
  limit: number,
  after?: SessionName,
): Sql => {
  const at = sql`part[1].1`;
  const beyond = (place: SessionName): Sql =>
    sql` AND (${at}, identity, session_id) < (${int64(place.beganMs)}, ${hash(place.visitor)}, ${hash(place.session)})`;
  const chosen = sql`${at} >= ${int64(storable(began.from))} AND ${at} < ${int64(storable(began.to))}${
    after === undefined ? nothing : beyond(after)
  }${of === undefined ? nothing : sql` AND identity = ${hash(of)}`}${
    filter === undefined ? nothing : sql` AND arrayExists(event -> event.10, part)`
  }`;
  return sql`${figuresOf(scope, chosen, filter)}
ORDER BY beganMs DESC, identity DESC, session_id DESC
LIMIT ${uint32(limit)}`;
};

/** The figures of these sessions. */
export const sessionFigures = (scope: EventScope, keys: readonly SessionKey[]): Sql =>
  figuresOf(
    scope,
    sql`(identity, session_id, part[1].1) IN ${new Bound(
      'Array(Tuple(UInt64, UInt64, Int64))',
      `[${keys.map(({ visitor, session, beganMs }) => `(${hexToUInt64(visitor)},${hexToUInt64(session)},${beganMs})`).join(',')}]`,
    )}`,
  );

/** The figures of the session that holds an event of exactly this moment: one row, or none.
 *  @param scope with the sessions that touch the moment */
export const sessionAt = (scope: EventScope, { visitor, session, beganMs }: SessionName): Sql =>
  figuresOf(
    scope,
    sql`identity = ${hash(visitor)} AND session_id = ${hash(session)} AND arrayExists(event -> event.1 = ${int64(beganMs)}, part)`,
  );

/** What an event says of its session: texts as `columns.ts` reads them. */
export interface SaidRow {
  visitor: string;
  at: number;
  id: string;
  path: string;
  first: string[];
  around: string[];
}

/** What these events say: rows of `SaidRow`, in no order. */
export const saidBy = (scope: EventScope, events: readonly EventKey[]): Sql => {
  const moments = [...new Set(events.map(([, at]) => at))];
  const days = [...new Set(moments.map((at) => new Date(at).toISOString().slice(0, 10)))];
  const range = { from: Math.min(...moments), to: Math.max(...moments) + 1 };
  return sql`
SELECT toString(visitor_id) AS visitor, toUnixTimestamp64Milli(ts) AS at, toString(event_id) AS id, path, ${touch} AS first, ${surroundings} AS around
FROM ${eventSource({ ...scope, range }, PLAIN)}
WHERE visitor_id IN ${visitorList([...new Set(events.map(([visitor]) => visitor))])} AND toDate(ts) IN ${new Bound('Array(Date)', days)}
  AND event_id IN ${uuids([...new Set(events.map(([, , id]) => id))])}`;
};
