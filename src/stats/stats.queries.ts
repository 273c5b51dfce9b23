// How is a question put to the warehouse? One statement for all of them: events are grouped by session first, then by what was asked for.
import { bucketStarts, type Interval, toRuns } from '../common/buckets';
import type { TimeRange } from '../common/time-range';
import { Bound, float64, ident, int64, join, nothing, sql, text, uint32, type Sql } from '../platform/clickhouse/sql';
import {
  findDimension,
  type Dimension,
  filterSql,
  eventSource,
  within,
  STORABLE,
  type EventScope,
  type Sample,
  type SessionScan,
} from '../events/query';
import { facetsOf, goalName, withGoals } from './goal.queries';
import { metricOf } from './metrics';
import { tooManyBuckets } from './stats.errors';
import { isByGoal } from './stats.goals';
import type { StatsPlan } from './stats.plan';
import type { Grouping, SortBy, StatsQuery } from './stats.types';

/** Buckets of one answer at most. */
export const MAX_BUCKETS = 10_000;

type Timed = Pick<StatsQuery, 'range' | 'timezone'>;

/** What was worked out for a question: its statements ask some eight times, and a year of days takes the calendar 6 ms. */
const bucketsBefore = new WeakMap<Timed, Map<Interval, readonly number[]>>();

/** Beginnings of the buckets of a question. @throws tooManyBuckets (400) */
export const bucketsOf = (query: Timed, interval: Interval): readonly number[] => {
  const before = bucketsBefore.get(query) ?? new Map<Interval, readonly number[]>();
  const starts = before.get(interval) ?? bucketStarts(query.range, interval, query.timezone, MAX_BUCKETS);
  if (starts === undefined) throw tooManyBuckets(interval, MAX_BUCKETS);
  bucketsBefore.set(query, before.set(interval, starts));
  return starts;
};

const known = (name: string): Dimension => {
  const dimension = findDimension(name);
  if (dimension === undefined) throw new Error('A query that was not parsed has an unknown dimension');
  return dimension;
};

/** The beginning of a moment's bucket. The zone's calendar is worked out here, once, and travels as runs of equal steps:
 *  so the engine's zone tables have no say, and a year of days is a handful of numbers. */
export const bucketSql = (starts: readonly number[], at: Sql): Sql => {
  const { start, counts, steps } = toRuns(starts);
  return sql`roundDown(toUnixTimestamp64Milli(${at}), arrayCumSum(arrayConcat([${int64(start)}], arrayFlatten(
    arrayMap((steps, length) -> arrayWithConstant(steps, length), ${new Bound('Array(UInt32)', counts)}, ${new Bound('Array(Int64)', steps)})))))`;
};

/** The value of a grouping for an event, or its bucket at a moment. */
export const groupingSql = (query: StatsQuery, grouping: Grouping, at: Sql): Sql => {
  switch (grouping.kind) {
    case 'time':
      return bucketSql(bucketsOf(query, grouping.interval), at);
    case 'value':
      return sql`toString(${known(grouping.dimension).value})`;
    case 'goal':
      return goalName;
  }
};

/** The column of a grouping (g) or a metric (m) in the answer. */
export const column = (prefix: 'g' | 'm', index: number): Sql => ident(`${prefix}${index}`);
/** The column that one step of the order is about. */
export const sortColumn = ({ column: by }: SortBy): Sql =>
  'metric' in by ? column('m', by.metric) : column('g', by.grouping);

/** What of a question is read. */
export interface Reading {
  /** How far its sessions reach; needed where the plan needs sessions. */
  readonly scan?: SessionScan | undefined;
  /** Only some visitors. */
  readonly sample?: Sample | undefined;
  /** Gives each group also once for each of so many parts of the visitors, to see how much they differ: column `part`, -1 for all, with
   *  `who`, how many visitors there are, and `doubled`, those of them that are users with several. */
  readonly spread?: number | undefined;
}

/** Whose events a question is about, and when. */
export const scopeOf = ({ project, range, since }: StatsQuery): EventScope =>
  since === undefined ? { project, range } : { project, range, since };

/** The part of a question's range whose events are shown; empty where none are: `from` is not before `to`. */
export const shownRange = ({ range, since = range.from }: StatsQuery): TimeRange => ({
  from: Math.max(range.from, since),
  to: range.to,
});

/** Rows of a question: `g0…` for its groupings, `m0…` for its metrics. */
export const statsSql = (query: StatsQuery, plan: StatsPlan, { scan, sample, spread }: Reading = {}): Sql => {
  const { groupings } = query;
  const scope = {
    ...scopeOf(query),
    ...(scan === undefined ? {} : { sessions: scan }),
    ...(sample === undefined ? {} : { sample }),
  };
  const metrics = query.metrics.map(metricOf);
  const bySession = plan.sides.includes('sessions');
  const groupColumns = groupings.map((_, index) => column('g', index));
  const needs = spread === undefined ? plan.needs : { ...plan.needs, identity: true };
  const keys = [
    ...groupColumns,
    sql`side`,
    ...(needs.identity ? [sql`identity`] : []),
    ...(bySession ? [sql`session_id`, sql`session_began`] : []),
  ];
  const parts = new Map(metrics.flatMap((metric) => Object.entries(metric.parts)));
  const perSession = sql`
    SELECT ${join(
      [
        ...groupings.map(
          (grouping, index) => sql`${groupingSql(query, grouping, sql`facet.2`)} AS ${column('g', index)}`,
        ),
        sql`facet.1 AS side`,
        ...keys.slice(groupings.length + 1),
        ...[...parts].map(([alias, part]) => sql`${part} AS ${ident(alias)}`),
      ],
      ', ',
    )}
    FROM ${withGoals(eventSource(scope, needs), query, scope)}
    ARRAY JOIN ${facetsOf(query, plan)} AS facet
    WHERE ${selects(query, scope)}
    GROUP BY ${join(keys, ', ')}`;
  const outer = [...groupColumns, ...(spread === undefined ? [] : partColumns(query.project))];
  const inner =
    spread === undefined
      ? perSession
      : sql`SELECT *, cityHash64(identity) % ${uint32(spread)} AS part_of FROM (${perSession})`;
  const totals = metrics.map((metric, index) => sql`${metric.total} AS ${column('m', index)}`);
  const rows = sql`
    SELECT ${join([...outer, ...outOfColumns(query, plan, spread), ...totals], ', ')}
    FROM (${inner})
    ${grouped(groupColumns, spread)}`;
  const later = after(query);
  const conditions = [
    // Who is there only as one of those that a rate is out of makes no row.
    ...(plan.outOf === 'more' && groupings.length > 0 ? [sql`counted > 0`] : []),
    ...(later === undefined ? [] : [later]),
  ];
  const ofRows = conditions.length === 0 ? nothing : join(conditions, ' AND ');
  const listed =
    isByGoal(query.groupings) && plan.outOf !== undefined
      ? sql`
    SELECT * FROM (${rows})
    ${conditions.length === 0 ? nothing : sql`WHERE ${ofRows}`}`
      : sql`${rows}
    ${conditions.length === 0 ? nothing : sql`HAVING ${ofRows}`}`;
  return sql`${listed}
    ${order(query)}
    ${query.limit === undefined ? nothing : sql`LIMIT ${uint32(query.limit)}`}`;
};

const grouped = (columns: readonly Sql[], spread: number | undefined): Sql => {
  if (spread !== undefined)
    return sql`GROUP BY GROUPING SETS ((${join(columns, ', ')}), (${join([...columns, sql`part_of`], ', ')}))`;
  return columns.length === 0 ? nothing : sql`GROUP BY ${join(columns, ', ')}`;
};

/** How many visitors a conversion rate is out of: column `out_of`, and `counted`, whether a row counts anybody else. */
const outOfColumns = ({ groupings }: StatsQuery, { outOf }: StatsPlan, spread: number | undefined): Sql[] => {
  if (outOf === undefined) return [];
  if (outOf === 'selected') return [sql`uniqExactIf(identity, side = 0) AS out_of`];
  const visitors = sql`uniqExactIf(identity, side = 2)`;
  const counted = sql`countIf(side != 2) AS counted`;
  if (!isByGoal(groupings)) return [sql`${visitors} AS out_of`, counted];
  // They stand in a row without a goal: of these groups whatever the goal.
  const others = [
    ...groupings.flatMap(({ kind }, index) => (kind === 'goal' ? [] : [column('g', index)])),
    ...(spread === undefined ? [] : [sql`part`]),
  ];
  const ofOthers = others.length === 0 ? nothing : sql`PARTITION BY ${join(others, ', ')}`;
  return [sql`max(${visitors}) OVER (${ofOthers}) AS out_of`, counted];
};

/** What is said of each part of a sample: see `Reading.spread`. */
export const partColumns = (project: number): Sql[] => [
  sql`if(grouping(part_of) = 1, -1, toInt16(part_of)) AS part`,
  sql`uniqExact(identity) AS who`,
  sql`uniqExactIf(identity, identity IN (
      SELECT user_id FROM visitor_links WHERE project_id = ${uint32(project)} GROUP BY user_id HAVING min(visitor_id) != max(visitor_id))) AS doubled`,
];

/** Whether an event is one that the question is about: its filter, its search, and the dimensions that it groups by. */
export const selects = (query: StatsQuery, scope: EventScope): Sql =>
  join(
    [
      filterSql(query.outOf === undefined ? query.filter : query.outOf.filter, scope),
      ...query.groupings.flatMap((grouping) =>
        grouping.kind === 'value' ? (known(grouping.dimension).present ?? []) : [],
      ),
      ...(query.search === undefined ? [] : [searched(query, first(query.groupings), query.search)]),
    ],
    ' AND ',
  );

const searched = (query: StatsQuery, grouping: Grouping, search: string): Sql => {
  const found = sql`positionCaseInsensitiveUTF8(${groupingSql(query, grouping, sql`ts`)}, ${text(search)}) > 0`;
  // Whom a rate is out of does not depend on the goal.
  return grouping.kind === 'goal' ? sql`(facet.1 = 2 OR ${found})` : found;
};

const first = (groupings: readonly Grouping[]): Grouping => {
  const [grouping] = groupings;
  if (grouping === undefined) throw new Error('A search needs a grouping');
  return grouping;
};

/** The order of rows. */
export const order = ({ order }: StatsQuery, ...before: readonly Sql[]): Sql => {
  const columns = [...before, ...order.map((by) => sql`${sortColumn(by)} ${by.descending ? sql`DESC` : sql`ASC`}`)];
  return columns.length === 0 ? nothing : sql`ORDER BY ${join(columns, ', ')}`;
};

/** Rows that come after one whose sort values are known: later in the first column, or level there and later in the next …
 *  What has no value comes last in both directions. */
export const after = ({ order, after, metrics }: StatsQuery): Sql | undefined => {
  if (after === undefined) return undefined;
  const bound = (index: number): Bound => {
    const value = after[index];
    return typeof value === 'number' ? float64(value) : text(value ?? '');
  };
  const level = (by: SortBy, index: number): Sql =>
    after[index] === null ? sql`${sortColumn(by)} IS NULL` : sql`${sortColumn(by)} = ${bound(index)}`;
  const later = (by: SortBy, index: number): Sql => {
    if (after[index] === null) return sql`0`;
    const further = sql`${sortColumn(by)} ${by.descending ? sql`<` : sql`>`} ${bound(index)}`;
    const maybeNone = 'metric' in by.column && metricOf(metrics[by.column.metric] ?? '').nullable;
    return maybeNone ? sql`(${further} OR ${sortColumn(by)} IS NULL)` : further;
  };
  return sql`(${join(
    order.map((by, index) => sql`(${join([...order.slice(0, index).map(level), later(by, index)], ' AND ')})`),
    ' OR ',
  )})`;
};

/** When the project's first event was that is shown: one row { at, found }. */
export const firstEvent = (project: number, since = STORABLE.from): Sql => sql`
  SELECT toUnixTimestamp64Milli(min(ts)) AS at, count() > 0 AS found
  FROM events
  WHERE ${within(project, { from: since, to: STORABLE.to })}`;
