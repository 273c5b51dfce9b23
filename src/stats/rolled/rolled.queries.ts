// How is a question put to derived rows and to the raw events that they lack? As partial sums that are added up in one statement.
import { coalesce, DAY_MS, hull, SECOND_MS, type TimeRange } from '../../common/time-range';
import { during, type EventScope, eventSource, moment, type SessionScan, STORABLE } from '../../events/query';
import { Bound, join, nothing, sql, text, texts, uint32, type Sql } from '../../platform/clickhouse/sql';
import { after, bucketsOf, column, groupingSql, order, scopeOf, selects, shownRange } from '../stats.queries';
import { planOf } from '../stats.plan';
import type { StatsQuery } from '../stats.types';
import { aloneInBucket } from './alone';
import { byMonth, type Pieces } from './pieces';
import type { RolledQuestion } from './question';
import { beside } from './rolling';

/** A stretch of raw events with how far its sessions reach. */
export interface RawPiece {
  readonly range: TimeRange;
  readonly scan: SessionScan;
}

/** What came after the horizon: events, and what they add to sessions that began before it. */
export interface Tail {
  readonly horizon: number;
  /** Every session that goes on after the horizon, whole. */
  readonly scan: SessionScan;
}

/** Where the partial sums of a question come from. */
export interface RolledSources {
  readonly asked: RolledQuestion;
  readonly pieces: Pieces;
  readonly raw: readonly RawPiece[];
  readonly tail: Tail | undefined;
  /** Buckets of 24 hours whose visitors are known, by their beginnings. */
  readonly rolling: ReadonlyMap<number, number>;
}

/** Precision of visitor states: 2^n counters. Finer ones are kept of whole cells' totals alone. */
export const precisionOf = ({ asked, pieces }: RolledSources): 12 | 14 =>
  asked.dimension === undefined && pieces.cut.length === 0 ? 14 : 12;
/** Up to so many visitors a state holds each by itself, and the figure is exact (measured on the engine). */
export const EXACT_UP_TO = { 12: 256, 14: 1_024 } as const;
/** Beyond, 95 of 100 figures are within this fraction: twice the standard error of so many counters. */
export const STATE_ERROR = { 12: 0.0325, 14: 0.0163 } as const;

/** Whether every value has one row at the most: its figures are the answer's, with what its state says beside it, and no state is read. */
export const isOneCell = ({ asked, pieces, raw, tail }: RolledSources): boolean =>
  asked.dimension !== undefined && pieces.whole.length === 1 && raw.length === 0 && tail === undefined;

/** The numbers of the cells' rows. */
const versions = (cells: Pieces['whole']): Bound =>
  new Bound('Array(UInt64)', `[${cells.map(({ version }) => version).join(',')}]`);
/** Rows of these cells. Their time is said as well: the rows of a value lie in its order, and with it a part of them is read. */
const ofCells = (cells: Pieces['whole']): Sql => sql`version IN ${versions(cells)} AND ${begunIn(cells)}`;
/** The same, but that the rows of months stand for their cells' where values have states there. */
const ofMonths = (pieces: Pieces, stated: readonly string[]): Sql => {
  const { whole } = pieces;
  return sql`${begunIn(whole)} AND if(value IN ${texts(stated)} AND other != 1, version IN ${versions(byMonth(pieces))}, version IN ${versions(whole)})`;
};
/** The time of these cells. */
const begunIn = (cells: Pieces['whole']): Sql => {
  const { from, to } = hull(cells);
  return sql`start >= toDateTime(${moment(from)}) AND start < toDateTime(${moment(to)})`;
};
const k = (precision: 12 | 14): Sql => (precision === 12 ? sql`12` : sql`14`);

/** A state that holds nobody. */
const noState = (precision: 12 | 14): Sql =>
  precision === 12
    ? sql`arrayReduce('uniqCombinedState(12)', emptyArrayUInt64())`
    : sql`arrayReduce('uniqCombinedState(14)', emptyArrayUInt64())`;

/** Cells whose visitors are counted without a state. */
const aloneOf = (query: StatsQuery, { asked, pieces, tail }: RolledSources): Pieces['whole'] => {
  const timed = query.groupings[asked.byTime];
  if (timed?.kind !== 'time' || !query.metrics.includes('visitors')) return [];
  return aloneInBucket(bucketsOf(query, timed.interval), pieces, tail?.horizon);
};

/** Which rows partial sums are of. */
interface Rows {
  /** With what is in no row of its own, in a column `beyond`: 1, as a cell had too many values; 2, a value of which a month has no state. */
  readonly beyond: boolean;
  /** Values that months have the states of, where months stand for their cells. */
  readonly stated?: readonly string[] | undefined;
}

/** Partial sums: `g…`, hits, views, amounts, begun, begun_views, bounced, length_ms, upper, alone, state. `upper`: at least as many as there
 *  are visitors; `alone`: those of buckets whose visitors are a number that is kept, so that no state is read. */
const derived = (query: StatsQuery, from: RolledSources, precision: 12 | 14, { beyond, stated }: Rows): Sql[] => {
  const { pieces, rolling } = from;
  const alone = aloneOf(query, from);
  const days = coalesce([...rolling.keys()].map((start) => ({ from: start, to: start + DAY_MS })));
  const settled = new Set(alone);
  const rest = {
    ...pieces,
    whole: pieces.whole.filter((cell) => !settled.has(cell)),
    cut: beside(days, shownRange(query), pieces),
  };
  const rows = (of: Pieces, visitors: keyof typeof VISITORS, hours: Sql): Sql[] =>
    of.whole.length + of.cut.length === 0
      ? []
      : [derivedRows(query, { ...from, pieces: of }, precision, visitors, hours, { beyond, stated })];
  const inDays = join([sql`0`, ...days.map((day) => during(day, sql`start`))], ' OR ');
  return [
    ...rows({ ...pieces, whole: alone, cut: [] }, 'counted', sql`1`),
    ...rows(rest, 'states', sql`NOT (${inDays})`),
    ...(days.length === 0
      ? []
      : [...rows({ ...pieces, whole: [] }, 'elsewhere', sql`(${inDays})`), countedDays(query, rolling, precision)]),
  ];
};

/** What rows say of visitors: their states, numbers of rows that are the only ones of their group, or nothing, as that is known. */
const VISITORS = {
  states: (state: Sql): Sql => sql`toInt64(0) AS alone, ${state} AS state`,
  counted: (_: Sql, precision: 12 | 14): Sql => sql`toInt64(visitor_count) AS alone, ${noState(precision)} AS state`,
  elsewhere: (_: Sql, precision: 12 | 14): Sql => sql`toInt64(0) AS alone, ${noState(precision)} AS state`,
};

/** Visitors of the days that were counted. Whoever asks by time asks by nothing else here. */
const countedDays = (query: StatsQuery, rolling: RolledSources['rolling'], precision: 12 | 14): Sql => {
  const starts = [...rolling.keys()].map((start) => start / SECOND_MS);
  const groups = query.groupings.map(
    (grouping, at) => sql`${groupingSql(query, grouping, sql`toDateTime64(day.1, 3, 'UTC')`)} AS ${column('g', at)}`,
  );
  const none = sql`toInt64(0)`;
  return sql`
    SELECT ${join(groups, ', ')}, ${none} AS hits, ${none} AS views, CAST(map(), 'Map(LowCardinality(String), Decimal(38, 4))') AS amounts,
      ${none} AS begun, ${none} AS begun_views, ${none} AS bounced, ${none} AS length_ms, ${none} AS upper, toInt64(day.2) AS alone, ${noState(precision)} AS state
    FROM (SELECT arrayJoin(arrayZip(${new Bound('Array(UInt32)', starts)}, ${new Bound('Array(UInt32)', [...rolling.values()])})) AS day)`;
};

/** @param hours which of the rows that are less than a cell */
const derivedRows = (
  query: StatsQuery,
  { asked, pieces }: RolledSources,
  precision: 12 | 14,
  known: keyof typeof VISITORS,
  hours: Sql,
  { beyond, stated = [] }: Rows,
): Sql => {
  const { dimension } = asked;
  const visitors = (state: Sql): Sql => VISITORS[known](state, precision);
  const ofAllTime = (bucket: Sql): Sql =>
    beyond ? sql`if(other = 1, defaultValueOfArgumentType(${bucket}), ${bucket})` : bucket;
  const groups = query.groupings.map((grouping, at) =>
    grouping.kind === 'value'
      ? sql`value AS ${column('g', at)}`
      : sql`${ofAllTime(groupingSql(query, grouping, sql`toDateTime64(start, 3, 'UTC')`))} AS ${column('g', at)}`,
  );
  const figures = sql`toInt64(events) AS hits, toInt64(pageviews) AS views, revenue AS amounts, toInt64(sessions) AS begun,
      toInt64(session_pageviews) AS begun_views, toInt64(bounces) AS bounced, toInt64(session_ms) AS length_ms`;
  const project = sql`project_id = ${uint32(query.project)}`;
  if (dimension !== undefined)
    return sql`
    SELECT ${join([...groups, ...(beyond ? [sql`other AS beyond`] : []), figures], ', ')}, toInt64(visitor_count) AS upper, ${visitors(sql`visitors`)}
    FROM rollup_values
    WHERE ${project} AND dimension = ${text(dimension)} AND ${stated.length === 0 ? ofCells(pieces.whole) : ofMonths(pieces, stated)}${beyond ? nothing : sql` AND other = 0`}
      ${asked.values === undefined ? nothing : sql`AND value IN ${texts(asked.values)}`}
      ${query.search === undefined ? nothing : sql`AND positionCaseInsensitiveUTF8(value, ${text(query.search)}) > 0`}`;
  const split = new Bound(
    'Array(UInt32)',
    pieces.splitHours.map((at) => at / 1000),
  );
  const taken = join(
    [
      during(shownRange(query), sql`start`),
      hours,
      ...pieces.raw.map((range) => sql`NOT (${during(range, sql`start`)})`),
    ],
    ' AND ',
  );
  const rows = [
    ...(pieces.whole.length === 0 ? [] : [sql`(grain IN ('c', 'm') AND version IN ${versions(pieces.whole)})`]),
    ...(pieces.cut.length === 0
      ? []
      : [
          sql`(grain IN ('h', 'q', 'e') AND version IN ${versions(pieces.cut)} AND ${taken} AND multiIf(
            grain = 'h', NOT has(${split}, toUnixTimestamp(start)), grain = 'q', has(${split}, toUnixTimestamp(toStartOfHour(start))), 1))`,
        ]),
  ];
  return sql`
    SELECT ${join([...groups, figures], ', ')}, toInt64(0) AS upper, ${visitors(precision === 14 ? sql`visitors_fine` : sql`visitors`)}
    FROM rollup_totals
    WHERE ${project} AND (${join(rows, ' OR ')})`;
};

/** The same sums from raw events.
 *  @param counted when an event counts; @param begins whether a session counts, by `session_began`
 *  @param floor what sessions were before this moment is known from derived rows */
const fromEvents = (
  query: StatsQuery,
  scope: EventScope,
  counted: TimeRange,
  begins: Sql,
  precision: 12 | 14,
  beyond: boolean,
): Sql => {
  const { floor } = scope;
  const plan = planOf(query);
  const bySession = plan.sides.includes('sessions');
  const needs = { identity: true, sessions: bySession || plan.needs.sessions, ends: plan.needs.ends === true };
  const facets = [sql`(0, ts, ${during(counted)})`, ...(bySession ? [sql`(1, session_began, ${begins})`] : [])];
  const groups = query.groupings.map((_, at) => column('g', at));
  // A session that was there before the horizon, with this value, is in the derived rows as it was then.
  const held = floor === undefined ? sql`0` : sql`max(ts < ${moment(floor)})`;
  const whole = (now: Sql, before: Sql): Sql =>
    floor === undefined ? sql`toInt64(any(${now}))` : sql`toInt64(any(${now})) - held * toInt64(any(${before}))`;
  const ofSessions = bySession
    ? sql`, ${whole(sql`session_pageviews`, sql`before_pageviews`)} AS whole_views,
        ${whole(sql`session_events = 1 AND session_pageviews = 1`, sql`before_events = 1 AND before_pageviews = 1`)} AS whole_bounced,
        ${whole(sql`dateDiff('millisecond', session_began, session_ended)`, sql`dateDiff('millisecond', session_began, before_ended)`)} AS whole_ms`
    : sql`, toInt64(0) AS whole_views, toInt64(0) AS whole_bounced, toInt64(0) AS whole_ms`;
  return sql`
    SELECT ${join([...groups, ...(beyond ? [sql`toUInt8(0) AS beyond`] : []), sql`toInt64(sumIf(hit, side = 0)) AS hits`], ', ')}, toInt64(sumIf(view, side = 0)) AS views, sumMapIf(money, side = 0) AS amounts,
      sumIf(1 - toInt64(held), side = 1) AS begun, sumIf(whole_views, side = 1) AS begun_views, sumIf(whole_bounced, side = 1) AS bounced,
      sumIf(whole_ms, side = 1) AS length_ms, toInt64(uniqExactIf(identity, side = 0)) AS upper, toInt64(0) AS alone, uniqCombinedStateIf(${k(precision)})(identity, side = 0) AS state
    FROM (
      SELECT ${join(
        [
          ...query.groupings.map(
            (grouping, at) => sql`${groupingSql(query, grouping, sql`facet.2`)} AS ${column('g', at)}`,
          ),
          sql`facet.1 AS side`,
        ],
        ', ',
      )}, identity, ${held} AS held, count() AS hit, countIf(name = 'pageview') AS view,
        sumMapIf(map(currency, toDecimal128(revenue, 4)), currency != '') AS money${ofSessions}
      FROM ${eventSource(scope, needs)}
      ARRAY JOIN arrayFilter(facet -> facet.3, [${join(facets, ', ')}]) AS facet
      WHERE ${selects(query, scope)}
      GROUP BY ${join([...groups, sql`side`, sql`identity`, ...(bySession ? [sql`session_id`, sql`session_began`] : [])], ', ')})
    ${groups.length === 0 ? nothing : sql`GROUP BY ${join(groups, ', ')}`}`;
};

const ofPiece = (query: StatsQuery, { range, scan }: RawPiece, precision: 12 | 14, beyond: boolean): Sql => {
  const scope = { ...scopeOf(query), range, sessions: scan };
  return fromEvents(query, scope, range, during(range, sql`session_began`), precision, beyond);
};

const ofTail = (
  query: StatsQuery,
  { pieces }: RolledSources,
  { horizon, scan }: Tail,
  precision: 12 | 14,
  beyond: boolean,
): Sql => {
  const { range } = query;
  // A stretch that is read raw has its sessions whole already.
  const begins = join(
    [during(range, sql`session_began`), ...pieces.raw.map((raw) => sql`NOT (${during(raw, sql`session_began`)})`)],
    ' AND ',
  );
  const scope = { ...scopeOf(query), range: { from: horizon, to: STORABLE.to }, sessions: scan, floor: horizon };
  return fromEvents(
    query,
    scope,
    { from: Math.max(range.from, horizon), to: Math.max(range.to, horizon) },
    begins,
    precision,
    beyond,
  );
};

/** Partial sums of what is read raw, each a statement. */
const rawSums = (query: StatsQuery, from: RolledSources, precision: 12 | 14, beyond: boolean): Sql[] => [
  ...from.raw.map((piece) => ofPiece(query, piece, precision, beyond)),
  ...(from.tail === undefined ? [] : [ofTail(query, from, from.tail, precision, beyond)]),
];

/** All partial sums. */
export const sources = (query: StatsQuery, from: RolledSources, precision: 12 | 14, rows: Rows): Sql =>
  join([...derived(query, from, precision, rows), ...rawSums(query, from, precision, rows.beyond)], ' UNION ALL ');

const sessions = sql`sum(begun)`;
const perSession = (total: Sql): Sql => sql`if(${sessions} = 0, 0, ${total} / ${sessions})`;

/** What each metric makes of partial sums. */
const totals = (precision: 12 | 14): Readonly<Record<string, Sql>> => ({
  visitors: sql`uniqCombinedMerge(${k(precision)})(state) + sum(alone)`,
  sessions,
  pageviews: sql`sum(views)`,
  events: sql`sum(hits)`,
  viewsPerSession: perSession(sql`sum(begun_views)`),
  bounceRate: perSession(sql`sum(bounced)`),
  // Divided once, as for raw events: twice could end in another last digit.
  sessionDuration: sql`if(${sessions} = 0, 0, sum(length_ms) / (1000 * ${sessions}))`,
  revenue: sql`mapApply((currency, amount) -> (toString(currency), toString(amount)), sumMap(amounts))`,
});

/** A row is there where one of the metrics that were asked for counts something. */
export const counted = (query: StatsQuery): Sql => {
  const { sides } = planOf(query);
  const conditions = [
    ...(sides.includes('events') ? [sql`sum(hits) > 0`] : []),
    ...(sides.includes('sessions') ? [sql`sum(begun) > 0`] : []),
  ];
  return sql`(${join(conditions, ' OR ')})`;
};

/** Whether a question is about all values, so that what is in no row of its own belongs to its answer. */
const isOfAll = ({ search }: StatsQuery, { asked }: RolledSources): boolean =>
  asked.byValue >= 0 && asked.values === undefined && search === undefined;

/** The projection holds values without their states. A statement that reads states can't use it, and spares the engine finding that out: 6 of 33 ms. */
const INDEX_ONLY = sql`SETTINGS optimize_use_projections = 0, optimize_use_implicit_projections = 0`;

/** Rows of a question: `g0…` for its groupings, `m0…` for its metrics. Before them, where there is one, a row whose `beyond` is 1: what of the
 *  derived part is in no row of its own, as some cell had too many values.
 *  @param among the only values to answer for; `stated`: those of them that months have the states of */
export const rolledSql = (
  query: StatsQuery,
  from: RolledSources,
  among?: { readonly values: readonly string[]; readonly stated: readonly string[] },
): Sql => {
  const precision = precisionOf(from);
  const beyond = isOfAll(query, from);
  const groups = [...query.groupings.map((_, at) => column('g', at)), ...(beyond ? [sql`beyond`] : [])];
  const isAmong = (values: readonly string[]): Sql => sql`${column('g', from.asked.byValue)} IN ${texts(values)}`;
  const later = after(query);
  const isWithoutStates = isOneCell(from);
  const metric = isWithoutStates ? { ...totals(precision), visitors: sql`sum(upper)` } : totals(precision);
  const columns = query.metrics.map((name, at) => sql`${metric[name] ?? nothing} AS ${column('m', at)}`);
  const isRow = join(
    [
      counted(query),
      ...(later === undefined ? [] : [later]),
      ...(beyond && among !== undefined ? [isAmong(among.values)] : []),
    ],
    ' AND ',
  );
  const grouped =
    groups.length === 0
      ? nothing
      : sql`GROUP BY ${join(groups, ', ')} HAVING ${beyond ? sql`beyond = 1 OR (${isRow})` : isRow}`;
  return sql`
    SELECT ${join([...groups, ...columns], ', ')}
    FROM (${sources(query, from, precision, { beyond, stated: among?.stated })})
    ${among === undefined ? nothing : sql`WHERE ${isAmong(beyond ? [...among.values, ''] : among.values)}`}
    ${grouped}
    ${order(query, ...(beyond ? [sql`beyond DESC`] : []))}
    ${query.limit === undefined ? nothing : sql`LIMIT ${uint32(query.limit + (beyond ? 1 : 0))}`}
    ${from.asked.dimension !== undefined && query.metrics.includes('visitors') && !isWithoutStates ? INDEX_ONLY : nothing}`;
};
