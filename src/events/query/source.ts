// Out of which rows is a question about events answered? Raw events, each once, with their visitor after links and their whole session.
import { DAY_MS, MINUTE_MS, type TimeRange } from '../../common/time-range';
import { date, instant, int64, sql, uint32, type Sql } from '../../platform/clickhouse/sql';
import type { Needs } from './dimensions';

/** Longer silence than this ends a session that has no id of its own. */
export const SESSION_GAP_MS = 30 * MINUTE_MS;

/** How far a read must go so that every session that touches a range is seen whole; see `session-scan.ts`. */
export interface SessionScan {
  /** Holds every event of sessions without an id. */
  readonly chains: TimeRange;
  /** Holds every event of the sessions with an id; undefined: the range has none. */
  readonly named?: TimeRange;
}

/** Whose events, and when. */
export interface EventScope {
  /** The project's number in the warehouse. */
  readonly project: number;
  readonly range: TimeRange;
  /** Needed where sessions are. */
  readonly sessions?: SessionScan;
}

/** What the columns `ts` (DateTime64) and `toDate(ts)` (Date) can both hold. */
export const STORABLE: TimeRange = { from: 0, to: Date.UTC(2149, 5, 6) };

/** A moment as a bound value, moved into what a column can hold. */
export const moment = (ms: number) => instant(Math.min(Math.max(ms, STORABLE.from), STORABLE.to));

const day = (ms: number) =>
  date(new Date(Math.min(Math.max(ms, STORABLE.from), STORABLE.to)).toISOString().slice(0, 10));

/** An event's own time (or another column of times) lies in the range: the meaning. */
export const during = ({ from, to }: TimeRange, at = sql`ts`): Sql =>
  sql`${at} >= ${moment(from)} AND ${at} < ${moment(to)}`;

/** Bounds for a read of `events`: the tenant, and the range twice.
 *  TRICKY: the sort key holds both toDate(ts) and ts, and a condition on ts alone reads 20 times the granules. */
export const within = (project: number, range: TimeRange): Sql =>
  sql`project_id = ${uint32(project)} AND ${during(range)} AND toDate(ts) >= ${day(range.from)} AND toDate(ts) <= ${day(range.to)}`;

/** To whom each visitor was first linked: rows (visitor_id, linked_user). Links hold for the past too. */
export const firstLinks = (project: number): Sql => sql`(
    SELECT visitor_id, argMin(user_id, (first_at, user_id)) AS linked_user
    FROM visitor_links
    WHERE project_id = ${uint32(project)}
    GROUP BY visitor_id)`;

/** Rows with the visitor they belong to: its user, else the user it was first linked to, else itself. */
const identified = (project: number, rows: Sql): Sql => sql`(
  SELECT *, multiIf(user_id != 0, user_id, linked_user != 0, linked_user, visitor_id) AS identity
  FROM ${rows} AS seen
  LEFT JOIN ${firstLinks(project)} AS links USING (visitor_id))`;

/** Sessions with an id of their own that have an event in the range. A stale version of an event adds an id too many, which does no harm. */
export const namedSessions = (project: number, range: TimeRange): Sql =>
  sql`SELECT session_id FROM events WHERE ${within(project, range)} AND session_id != 0`;

const scanned = ({ project, range, sessions }: EventScope): Sql => {
  if (sessions === undefined) throw new Error('Sessions are needed, but how far they reach was not looked up');
  const { chains, named } = sessions;
  if (named === undefined) return sql`(SELECT * FROM events FINAL WHERE ${within(project, chains)})`;
  const all = { from: Math.min(chains.from, named.from), to: Math.max(chains.to, named.to) };
  return sql`(
    SELECT * FROM events FINAL
    WHERE ${within(project, all)} AND ((${during(chains)}) OR session_id IN (${namedSessions(project, range)})))`;
};

/** Adds to each row its session: `session_id` and `chain` name it within the identity, `session_*` describe it whole. */
const sessionized = (rows: Sql): Sql => sql`(
  SELECT *,
    min(ts) OVER whole AS session_began,
    max(ts) OVER whole AS session_ended,
    count() OVER whole AS session_events,
    countIf(name = 'pageview') OVER whole AS session_pageviews,
    argMinIf(path, (ts, received_at, seq, toString(event_id)), name = 'pageview') OVER whole AS entry_page,
    argMaxIf(path, (ts, received_at, seq, toString(event_id)), name = 'pageview') OVER whole AS exit_page
  FROM (
    SELECT *, sum(after_silence) OVER (
      PARTITION BY identity, session_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS chain
    FROM (
      SELECT *, session_id = 0 AND dateDiff('millisecond', lagInFrame(ts) OVER (
        PARTITION BY identity, session_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ), ts) > ${int64(SESSION_GAP_MS)} AS after_silence
      FROM ${rows}))
  WINDOW whole AS (PARTITION BY identity, session_id, chain))`;

/** A subselect, in brackets, of events with all their columns, each event once, and what is needed beside them.
 *  With sessions it also holds events outside the range, those of sessions that touch it: add `during(range)` where the range is meant. */
export const eventSource = (scope: EventScope, needs: Needs): Sql => {
  if (needs.sessions) return sessionized(identified(scope.project, scanned(scope)));
  const rows = sql`(SELECT * FROM events FINAL WHERE ${within(scope.project, scope.range)})`;
  return needs.identity ? identified(scope.project, rows) : rows;
};

/** How far a scan looks around a range at first. */
export const FIRST_LOOK_MS = DAY_MS;
