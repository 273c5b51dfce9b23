// How is a question put to the warehouse? One statement for all of them: events are grouped by session first, then by what was asked for.
import { bucketStarts, toRuns } from '../common/buckets';
import { Bound, float64, ident, int64, join, nothing, sql, text, uint32, type Sql } from '../platform/clickhouse/sql';
import {
  findDimension,
  type Dimension,
  filterSql,
  during,
  eventSource,
  within,
  STORABLE,
  type SessionScan,
} from '../events/query';
import { metricOf } from './metrics';
import { tooManyBuckets } from './stats.errors';
import type { StatsPlan } from './stats.plan';
import type { Grouping, SortBy, StatsQuery } from './stats.types';

/** Buckets of one answer at most. */
export const MAX_BUCKETS = 10_000;

/** Beginnings of the buckets of a question. @throws tooManyBuckets (400) */
export const bucketsOf = (
  { range, timezone }: Pick<StatsQuery, 'range' | 'timezone'>,
  interval: Parameters<typeof bucketStarts>[1],
): number[] => {
  const starts = bucketStarts(range, interval, timezone, MAX_BUCKETS);
  if (starts === undefined) throw tooManyBuckets(interval, MAX_BUCKETS);
  return starts;
};

const known = (name: string): Dimension => {
  const dimension = findDimension(name);
  if (dimension === undefined) throw new Error('A query that was not parsed has an unknown dimension');
  return dimension;
};

/** The beginning of a moment's bucket. The zone's calendar is worked out here, once, and travels as runs of equal steps:
 *  so the engine's zone tables have no say, and a year of days is a handful of numbers. */
const bucketSql = (starts: readonly number[], at: Sql): Sql => {
  const { start, counts, steps } = toRuns(starts);
  return sql`roundDown(toUnixTimestamp64Milli(${at}), arrayCumSum(arrayConcat([${int64(start)}], arrayFlatten(
    arrayMap((steps, length) -> arrayWithConstant(steps, length), ${new Bound('Array(UInt32)', counts)}, ${new Bound('Array(Int64)', steps)})))))`;
};

const groupingSql = (query: StatsQuery, grouping: Grouping, at: Sql): Sql =>
  grouping.kind === 'time'
    ? bucketSql(bucketsOf(query, grouping.interval), at)
    : sql`toString(${known(grouping.dimension).value})`;

const column = (prefix: 'g' | 'm', index: number): Sql => ident(`${prefix}${index}`);
const sortColumn = ({ column: by }: SortBy): Sql =>
  'metric' in by ? column('m', by.metric) : column('g', by.grouping);

/** Rows of a question: `g0…` for its groupings, `m0…` for its metrics.
 *  @param scan how far its sessions reach; needed where the plan needs sessions */
export const statsSql = (query: StatsQuery, plan: StatsPlan, scan: SessionScan | undefined): Sql => {
  const { project, range, groupings, filter } = query;
  const scope = { project, range, ...(scan === undefined ? {} : { sessions: scan }) };
  const metrics = query.metrics.map(metricOf);
  // An event stands for itself at its own time, and for its session at the time of the session's first event.
  const bySession = plan.sides.includes('sessions');
  const facets = [
    ...(plan.sides.includes('events') ? [sql`(0, ts, ${during(range)})`] : []),
    ...(bySession ? [sql`(1, session_began, ${began(query)})`] : []),
  ];
  const groupColumns = groupings.map((_, index) => column('g', index));
  const keys = [
    ...groupColumns,
    sql`side`,
    ...(plan.needs.identity ? [sql`identity`] : []),
    ...(bySession ? [sql`session_id`, sql`chain`] : []),
  ];
  const parts = new Map(metrics.flatMap((metric) => Object.entries(metric.parts)));
  const selected = [
    filterSql(filter, scope),
    ...groupings.flatMap((grouping) => (grouping.kind === 'time' ? [] : (known(grouping.dimension).present ?? []))),
    ...(query.search === undefined
      ? []
      : [
          sql`positionCaseInsensitiveUTF8(${groupingSql(query, first(groupings), sql`ts`)}, ${text(query.search)}) > 0`,
        ]),
  ];
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
    FROM ${eventSource(scope, plan.needs)}
    ARRAY JOIN arrayFilter(facet -> facet.3, [${join(facets, ', ')}]) AS facet
    WHERE ${join(selected, ' AND ')}
    GROUP BY ${join(keys, ', ')}`;
  return sql`
    SELECT ${join(
      [...groupColumns, ...metrics.map((metric, index) => sql`${metric.total} AS ${column('m', index)}`)],
      ', ',
    )}
    FROM (${perSession})
    ${groupings.length === 0 ? nothing : sql`GROUP BY ${join(groupColumns, ', ')}`}
    ${after(query)}
    ${order(query)}
    ${query.limit === undefined ? nothing : sql`LIMIT ${uint32(query.limit)}`}`;
};

const first = (groupings: readonly Grouping[]): Grouping => {
  const [grouping] = groupings;
  if (grouping === undefined) throw new Error('A search needs a grouping');
  return grouping;
};

/** The session began in the range. */
const began = ({ range }: StatsQuery): Sql => during(range, sql`session_began`);

const order = ({ order }: StatsQuery): Sql =>
  order.length === 0
    ? nothing
    : sql`ORDER BY ${join(
        order.map((by) => sql`${sortColumn(by)} ${by.descending ? sql`DESC` : sql`ASC`}`),
        ', ',
      )}`;

/** Rows that come after one whose sort values are known: later in the first column, or level there and later in the next … */
const after = ({ order, after }: StatsQuery): Sql => {
  if (after === undefined) return nothing;
  const bound = (index: number): Bound => {
    const value = after[index];
    return typeof value === 'number' ? float64(value) : text(value ?? '');
  };
  return sql`HAVING ${join(
    order.map((by, index) => {
      const level = order.slice(0, index).map((before, at) => sql`${sortColumn(before)} = ${bound(at)}`);
      return sql`(${join([...level, sql`${sortColumn(by)} ${by.descending ? sql`<` : sql`>`} ${bound(index)}`], ' AND ')})`;
    }),
    ' OR ',
  )}`;
};

/** When the project's first event was: one row { at, found }. */
export const firstEvent = (project: number): Sql => sql`
  SELECT toUnixTimestamp64Milli(min(ts)) AS at, count() > 0 AS found
  FROM events
  WHERE ${within(project, STORABLE)}`;
