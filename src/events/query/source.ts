// Out of which rows is a question about events answered? Raw events, each once, with their visitor after links and their whole session.
import { DAY_MS, HOUR_MS, MINUTE_MS, type TimeRange } from '../../common/time-range';
import {
  Bound,
  date,
  ident,
  instant,
  int64,
  join,
  nothing,
  sql,
  uint32,
  type Sql,
} from '../../platform/clickhouse/sql';
import type { Needs } from './dimensions';
import { copiedParts, copyColumns, ofLowest, type Sample } from './sample';

/** Longer silence than this ends a session that has no id of its own. */
export const SESSION_GAP_MS = 30 * MINUTE_MS;
/** Longer silence than this ends a session that has one. */
export const NAMED_GAP_MS = DAY_MS;
/** Longer silence than this ends the session of a row, by its column `session_id`. */
export const sessionGap: Sql = sql`if(session_id = 0, ${int64(SESSION_GAP_MS)}, ${int64(NAMED_GAP_MS)})`;
/** How far a scan looks around a range at first. Sessions with an id need twice their gap, so that silence can be seen. */
export const FIRST_LOOK_MS = 2 * HOUR_MS;
export const NAMED_LOOK_MS = 2 * NAMED_GAP_MS;

/** Some visitors: a list in decimal text, as 64 bits do not fit a number, or a crowd, at least whoever belongs to somebody with an event
 *  in a stretch. */
export type Related = readonly string[] | { readonly seenIn: TimeRange };

/** How far a read must go so that every session that touches a range is seen whole; see `session-scan.ts`. */
export interface SessionScan {
  /** Holds every event of those sessions, but for the visitors in `far`. */
  readonly near: TimeRange;
  /** The only visitors to read, every one that belongs to somebody in the range; undefined: all. */
  readonly related?: Related;
  /** Visitors whose sessions go on beyond `near`, and a range that holds those whole. */
  readonly far?: { readonly range: TimeRange; readonly visitors: readonly string[] };
}

/** Whose events, and when. */
export interface EventScope {
  /** The project's number in the warehouse. */
  readonly project: number;
  readonly range: TimeRange;
  /** Needed where sessions are. */
  readonly sessions?: SessionScan;
  /** As if nothing had happened from this moment on, milliseconds. */
  readonly cut?: number;
  /** As if nothing had happened before this moment, milliseconds. */
  readonly since?: number;
  /** As if nothing had arrived after this moment, milliseconds. */
  readonly arrived?: number;
  /** Tells of each session, in columns `before_*`, what it was before this moment, milliseconds. */
  readonly floor?: number;
  /** Only some visitors. */
  readonly sample?: Sample;
}

/** What the columns `ts` (DateTime64) and `toDate(ts)` (Date) can both hold. */
export const STORABLE: TimeRange = { from: 0, to: Date.UTC(2149, 5, 6) };

/** A moment, moved into what a column can hold. */
export const storable = (ms: number): number => Math.min(Math.max(ms, STORABLE.from), STORABLE.to);

/** A moment as a bound value, moved into what a column can hold. */
export const moment = (ms: number): Bound => instant(storable(ms));

const day = (ms: number): Bound => date(new Date(storable(ms)).toISOString().slice(0, 10));

/** An event's own time (or another column of times) lies in the range: the meaning. */
export const during = ({ from, to }: TimeRange, at = sql`ts`): Sql =>
  sql`${at} >= ${moment(from)} AND ${at} < ${moment(to)}`;

/** Bounds for a read of `events`: the tenant, and the range twice.
 *  TRICKY: the sort key holds both toDate(ts) and ts, and a condition on ts alone reads 20 times the granules. The last day is that of the
 *  last millisecond: a range that ends at midnight would read the day after it as well. */
export const within = (project: number, range: TimeRange): Sql =>
  sql`project_id = ${uint32(project)} AND ${withinDays(range)}`;

const withinDays = (range: TimeRange): Sql =>
  sql`${during(range)} AND toDate(ts) >= ${day(range.from)} AND toDate(ts) <= ${day(range.to - 1)}`;

/** Visitors as a bound list; decimal text, as 64 bits do not fit a number.
 *  TRICKY: the client would put quotes around each text of a list, which the engine does not read as numbers; a whole text it leaves alone. */
export const visitorList = (visitors: readonly string[]): Bound =>
  new Bound('Array(UInt64)', `[${visitors.join(',')}]`);

/** To whom each visitor was first linked, the lower hash of two at once: rows (visitor_id, linked_user). Links hold for the past too.
 *  Time and user are one number: the least of two columns costs the engine three times as much.
 *  @param of a further condition on `visitor_id` */
export const firstLinks = (project: number, of?: Sql): Sql => sql`(
    SELECT visitor_id, toUInt64(min(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(first_at)), 64) + user_id)) AS linked_user
    FROM visitor_links
    WHERE project_id = ${uint32(project)}${of === undefined ? nothing : sql` AND ${of}`}
    GROUP BY visitor_id)`;

/** Rows with the visitor they belong to: its user, else the user it was first linked to, else itself. */
export const identified = (project: number, rows: Sql, of?: Sql): Sql => sql`(
  SELECT *, multiIf(user_id != 0, user_id, linked_user != 0, linked_user, visitor_id) AS identity
  FROM ${rows} AS seen
  LEFT JOIN ${firstLinks(project, of)} AS links USING (visitor_id))`;

/** Every visitor that belongs to whoever has an event in the range: rows (visitor). A stale version of an event adds one too many,
 *  which does no harm.
 *  @param also only who has an event in this range as well */
export const relatedVisitors = (project: number, range: TimeRange, limit: number, also?: TimeRange): Sql => {
  const seenIn = (when: TimeRange): Sql =>
    identified(
      project,
      sql`(SELECT DISTINCT visitor_id, user_id FROM events WHERE ${within(project, when)})`,
      sql`visitor_id IN (SELECT visitor_id FROM events WHERE ${within(project, when)})`,
    );
  const both = also === undefined ? nothing : sql`WHERE identity IN (SELECT identity FROM ${seenIn(also)})`;
  return sql`
    WITH seen AS (SELECT visitor_id, identity FROM ${seenIn(range)} ${both})
    SELECT DISTINCT toString(visitor) AS visitor FROM (
      SELECT arrayJoin([visitor_id, identity]) AS visitor FROM seen
      UNION ALL
      SELECT visitor_id FROM visitor_links WHERE project_id = ${uint32(project)} AND user_id IN (SELECT identity FROM seen))
    LIMIT ${uint32(limit)}`;
};

/** Whether a row is of these visitors. Of a crowd it may be somebody else's too: who has links is not told apart, as telling takes longer
 *  than reading them. */
const isOf = (project: number, related: Related): Sql =>
  'seenIn' in related
    ? sql`(visitor_id IN (SELECT visitor_id FROM events WHERE ${within(project, related.seenIn)})
        OR visitor_id IN (SELECT arrayJoin([visitor_id, user_id]) FROM visitor_links WHERE project_id = ${uint32(project)}))`
    : sql`visitor_id IN ${visitorList(related)}`;

/** The visitors of a sample; undefined: all. */
const sampled = ({ sample }: EventScope): Sql | undefined => (sample === undefined ? undefined : ofLowest(sample.of));

/** What narrows every read of a scope. */
const narrowed = (scope: EventScope): Sql => {
  const { cut, since, arrived } = scope;
  const visitors = sampled(scope);
  return sql`${cut === undefined ? nothing : sql` AND ts < ${moment(cut)}`}${
    since === undefined ? nothing : sql` AND ts >= ${moment(since)} AND toDate(ts) >= ${day(since)}`
  }${arrived === undefined ? nothing : sql` AND received_at <= ${moment(arrived)}`}${
    visitors === undefined ? nothing : sql` AND ${visitors}`
  }`;
};

/** Each event of the range once. @param chosen only these */
const plain = (scope: EventScope, chosen: Sql = nothing): Sql => {
  const { project, range, sample } = scope;
  const further = sql`${chosen}${narrowed(scope)}`;
  const parts = sample?.copies === undefined ? undefined : copiedParts(sample.copies, range);
  if (sample?.copies === undefined || parts === undefined)
    return sql`(SELECT * FROM events FINAL WHERE ${within(project, range)}${further})`;
  // Rows of a version are never replaced, so they need no FINAL; the rest of the range is read from the events, at the same time.
  const copies = sql`
    SELECT ${copyColumns} FROM sampled_events
    WHERE project_id = ${uint32(project)} AND version IN ${new Bound('Array(UInt64)', sample.copies.versions)} AND ${anyOf(parts.copied, during)}${further}`;
  if (parts.rest.length === 0) return sql`(${copies})`;
  return sql`(${copies} UNION ALL SELECT ${copyColumns} FROM ${stretchesOf(scope, parts.rest, chosen)})`;
};

/** A subselect, in brackets, of a scope's events in some stretches of its range, each event once. */
export const stretchesOf = (scope: EventScope, stretches: readonly TimeRange[], chosen: Sql = nothing): Sql => sql`(
    SELECT * FROM events FINAL
    WHERE project_id = ${uint32(scope.project)} AND ${anyOf(stretches, withinDays)}${chosen}${narrowed(scope)})`;

const anyOf = (ranges: readonly TimeRange[], condition: (range: TimeRange) => Sql): Sql =>
  sql`(${join(
    ranges.map((range) => sql`(${condition(range)})`),
    ' OR ',
  )})`;

/** Each event once of the sessions that touch the range, and some more. */
const scanned = (scope: EventScope): Sql => {
  const { sessions } = scope;
  if (sessions === undefined) throw new Error('Sessions are needed, but how far they reach was not looked up');
  const { near, related, far } = sessions;
  const close = related === undefined ? during(near) : sql`${during(near)} AND ${isOf(scope.project, related)}`;
  const all =
    far === undefined ? near : { from: Math.min(near.from, far.range.from), to: Math.max(near.to, far.range.to) };
  const chosen =
    far === undefined
      ? close
      : sql`((${close}) OR (${during(far.range)} AND visitor_id IN ${visitorList(far.visitors)}))`;
  return plain({ ...scope, range: all }, sql` AND ${chosen}`);
};

/** What the sessions of a visitor are cut from: an event as one number, as lists of tuples cost the engine more. The time comes first. */
const mark = sql`bitShiftLeft(toUnixTimestamp64Milli(ts), 1) + (name = 'pageview')`;
const msOf = (mark: Sql): Sql => sql`bitShiftRight(${mark}, 1)`;
const timeOf = (mark: Sql): Sql => sql`fromUnixTimestamp64Milli(${msOf(mark)}, 'UTC')`;
const isView = (mark: Sql): Sql => sql`bitTest(${mark}, 0)`;
/** Pageviews of a list of marks. */
const viewsOf = (marks: Sql): Sql => sql`arraySum(event -> ${isView(sql`event`)}, ${marks})`;

/** The events of each visitor, cut into sessions: rows (identity, session_id, parts). A part is a list of marks, or of tuples that begin
 *  with one.
 *  @param events list of a group's events, sorted, where they are tuples */
const cutSessions = (rows: Sql, events?: Sql): Sql => sql`
      SELECT identity, session_id, ${events ?? sql`arraySort(groupArray(${mark}))`} AS events,
        arraySplit((event, silence) -> silence > ${sessionGap}, events,
          arrayDifference(arrayMap(event -> ${msOf(events === undefined ? sql`event` : sql`event.1`)}, events))) AS parts
      FROM ${rows}
      GROUP BY identity, session_id`;

/** Adds to each row its session: `identity`, `session_id` and `session_began` name it, `session_*` describe it whole.
 *  Sessions are cut in one array a visitor and joined back: windows would sort the wide rows, at three times the cost. */
const sessionized = (rows: Sql, { floor }: EventScope, { ends = false }: Needs): Sql => {
  const parts = (map: Sql, name: string): Sql => sql`arrayMap(part -> ${map}, parts) AS ${ident(name)}`;
  const marks = (part: Sql): Sql => (ends ? sql`${part}.1` : part);
  const cuts = [
    parts(timeOf(marks(sql`part[1]`)), 'all_began'),
    parts(timeOf(marks(sql`part[-1]`)), 'all_ended'),
    parts(sql`length(part)`, 'all_events'),
    parts(viewsOf(marks(sql`part`)), 'all_pageviews'),
    ...(floor === undefined
      ? []
      : [
          parts(
            sql`arrayFilter(event -> ${msOf(sql`event`)} < ${int64(storable(floor))}, ${marks(sql`part`)})`,
            'all_before',
          ),
          sql`arrayMap(part -> length(part), all_before) AS all_before_events`,
          sql`arrayMap(part -> ${viewsOf(sql`part`)}, all_before) AS all_before_pageviews`,
          sql`arrayMap(part -> ${timeOf(sql`part[-1]`)}, all_before) AS all_before_ended`,
        ]),
    ...(ends
      ? [
          sql`arrayMap(part -> arrayFilter(event -> ${isView(sql`event.1`)} = 1, part), parts) AS views`,
          sql`arrayMap(part -> part[1].5, views) AS all_entry`,
          sql`arrayMap(part -> part[-1].5, views) AS all_exit`,
          sql`arrayMap(part -> (part[1].1, part[1].4), views) AS all_first`,
          sql`arrayMap(part -> (part[-1].1, part[-1].4), views) AS all_last`,
        ]
      : []),
  ];
  // Which of a millisecond's events came first matters only to who asks for a session's first and last page.
  const events = ends
    ? sql`arraySort(event -> (${msOf(sql`event.1`)}, event.2, event.3, event.4), groupArray((${mark}, received_at, seq, toString(event_id), path)))`
    : undefined;
  const columns = [
    sql`all_began[place] AS session_began`,
    sql`all_ended[place] AS session_ended`,
    sql`all_events[place] AS session_events`,
    sql`all_pageviews[place] AS session_pageviews`,
    ...(floor === undefined
      ? []
      : [
          sql`all_before_events[place] AS before_events`,
          sql`all_before_pageviews[place] AS before_pageviews`,
          sql`all_before_ended[place] AS before_ended`,
        ]),
    ...(ends
      ? [
          sql`all_entry[place] AS entry_page`,
          sql`all_exit[place] AS exit_page`,
          sql`name = 'pageview' AND all_first[place] = (${mark}, toString(event_id)) AS is_entry`,
          sql`name = 'pageview' AND all_last[place] = (${mark}, toString(event_id)) AS is_exit`,
          sql`leadInFrame(toNullable(ts)) OVER (
            PARTITION BY identity, session_id, session_began ORDER BY ts, received_at, seq, toString(event_id)
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS next_at`,
        ]
      : []),
  ];
  return sql`(
  SELECT *, arrayFirstIndex(ended -> ts <= ended, all_ended) AS place, ${join(columns, ', ')}
  FROM ${rows} AS seen
  ANY LEFT JOIN (
    SELECT identity, session_id, ${join(cuts, ', ')}
    FROM (${cutSessions(rows, events)})) AS cut USING (identity, session_id))`;
};

/** A subselect, in brackets, of the events of the sessions that touch the range, and some more, with their visitor (`identity`): for who
 *  cuts sessions out of them. */
export const sessionEvents = (scope: EventScope): Sql => {
  const { related, far } = scope.sessions ?? {};
  const listed =
    related === undefined || 'seenIn' in related
      ? undefined
      : sql`visitor_id IN ${visitorList([...related, ...(far?.visitors ?? [])])}`;
  return identified(scope.project, scanned(scope), listed ?? sampled(scope));
};

/** A subselect, in brackets, of the sessions that touch the range, and some more: rows (identity, session_id, session_began,
 *  session_ended, session_events, session_pageviews). Cheaper than their events. */
export const sessionSource = (scope: EventScope): Sql => sql`(
  SELECT identity, session_id, ${timeOf(sql`part[1]`)} AS session_began, ${timeOf(sql`part[-1]`)} AS session_ended,
    length(part) AS session_events, ${viewsOf(sql`part`)} AS session_pageviews
  FROM (${cutSessions(sessionEvents(scope))})
  ARRAY JOIN parts AS part)`;

/** A subselect, in brackets, of events with all their columns, each event once, and what is needed beside them.
 *  With sessions it also holds events outside the range, those of sessions that touch it: add `during(range)` where the range is meant. */
export const eventSource = (scope: EventScope, needs: Needs): Sql => {
  if (needs.sessions) return sessionized(sessionEvents(scope), scope, needs);
  return needs.identity ? identified(scope.project, plain(scope), sampled(scope)) : plain(scope);
};
