// What do rows of the warehouse become? The answers of the contract. Pure.
import type { Interval } from '../common/buckets';
import type { TimeRange } from '../common/time-range';
import { isoInZone } from '../common/time-zone';
import { type Filter, toJson } from '../events/query';
import { metricOf } from './metrics';
import type * as dto from './stats.dto';
import { nameOfGrouping } from './stats.request';
import type { Account, Grouping, SortValue, StatsQuery, StatsRow } from './stats.types';

/** A question with a page of its rows. */
export interface Table {
  readonly query: StatsQuery;
  readonly rows: readonly StatsRow[];
  /** Beginnings of all buckets of its range, where it has buckets. */
  readonly starts: readonly number[];
  /** The cursor of the next page; null where there is none. */
  readonly next: string | null;
  readonly account: Account;
  /** Figures of values that are not listed one by one, where there are any. */
  readonly other?: StatsRow | undefined;
}

/** Figures by the names of their metrics; of no row: what nothing counts. */
export const toFigures = (metrics: readonly string[], row: StatsRow | undefined): dto.FiguresDto =>
  Object.fromEntries(metrics.map((name, at) => [name, row === undefined ? metricOf(name).zero() : row.values[at]]));

const metaOf = ({ query, account }: Table): dto.StatsMetaDto => {
  const timed = query.groupings.find((grouping) => grouping.kind === 'time');
  return toMeta(query.range, query.timezone, timed?.interval, account);
};

/** The figures of a whole range. */
export const toOverview = (table: Table): dto.OverviewComparisonDto => ({
  data: toFigures(table.query.metrics, table.rows[0]),
  meta: metaOf(table),
});

/** Every bucket, those without rows as zeros. */
export const toTimeseries = (table: Table): dto.TimeseriesComparisonDto => {
  const byStart = new Map(table.rows.map((row) => [row.groups[0], row]));
  const { timezone, metrics } = table.query;
  const data = table.starts.map((start) => ({
    time: isoInZone(timezone, start),
    ...toFigures(metrics, byStart.get(start)),
  }));
  return { data, meta: metaOf(table) };
};

/** A row a value. */
export const toBreakdown = (table: Table): dto.BreakdownComparisonDto => ({
  data: table.rows.map((row) => ({ value: String(row.groups[0]), ...toFigures(table.query.metrics, row) })),
  ...(table.other === undefined ? {} : { other: toFigures(table.query.metrics, table.other) }),
  meta: metaOf(table),
});

/** A row a group, its groupings and metrics by name; a list with buckets of time can be walked by itself. */
export const toQueryRows = (table: Table): dto.QueryComparisonDto => ({
  data: table.rows.map((row) => toNamedRow(table.query, row)),
  page: { next: table.next },
  meta: metaOf(table),
});

/** The groups of `order` in its order, with the values that `rows` has for them; zeros where it has none. */
export const inOrderOf = (
  order: readonly StatsRow[],
  rows: readonly StatsRow[],
  metrics: readonly string[],
): StatsRow[] => {
  const keyOf = ({ groups }: StatsRow): string => JSON.stringify(groups);
  const found = new Map(rows.map((row) => [keyOf(row), row]));
  return order.map(
    (row) => found.get(keyOf(row)) ?? { groups: row.groups, values: metrics.map((name) => metricOf(name).zero()) },
  );
};

const toNamedRow = (query: StatsQuery, row: StatsRow): Record<string, unknown> => ({
  ...Object.fromEntries(
    query.groupings.map((grouping, at) => {
      const value = row.groups[at];
      return [nameOfGrouping(grouping), typeof value === 'number' ? isoInZone(query.timezone, value) : value];
    }),
  ),
  ...toFigures(query.metrics, row),
});

/** What figures are of, and how they were come by. */
export const toMeta = (
  range: TimeRange,
  timezone: string,
  interval?: Interval,
  { approximate = [], sampleFraction, relativeError, explain }: Account = {},
): dto.StatsMetaDto => ({
  from: isoInZone(timezone, range.from),
  to: isoInZone(timezone, range.to),
  timezone,
  ...(interval === undefined ? {} : { interval }),
  ...(approximate.length === 0 ? {} : { approximate: [...approximate] }),
  ...(sampleFraction === undefined ? {} : { sampleFraction }),
  ...(relativeError === undefined ? {} : { relativeError: { ...relativeError } }),
  ...(explain === undefined ? {} : { explain: { ...explain, parts: [...explain.parts] } }),
});

/** The sort values of a row, for a cursor. */
export const sortValues = (query: StatsQuery, row: StatsRow): SortValue[] =>
  query.order.map(({ column }) =>
    'metric' in column ? (row.values[column.metric] as number | null) : (row.groups[column.grouping] ?? ''),
  );

const rangeText = ({ from, to }: TimeRange, timezone: string): string =>
  `${isoInZone(timezone, from)}..${isoInZone(timezone, to)}`;

const wordOf = (grouping: Grouping): string =>
  grouping.kind === 'time' ? `time:${grouping.interval}` : nameOfGrouping(grouping);

/** The question in the contract's words, with everything resolved; it can be asked again as it is.
 *  @param filter as it was asked, with goals by their names
 *  @param cursor which page it was
 *  @param comparison which range was to stand beside */
export const toNormalised = (
  query: StatsQuery,
  filter: Filter | undefined,
  cursor: string | undefined,
  comparison: TimeRange | undefined,
): Record<string, unknown> => ({
  metrics: query.metrics,
  dimensions: query.groupings.map(wordOf),
  ...(filter === undefined ? {} : { filters: toJson(filter) }),
  ...toMeta(query.range, query.timezone),
  orderBy: query.order.map(({ column, descending }) => {
    const grouping = 'grouping' in column ? query.groupings[column.grouping] : undefined;
    const name = 'metric' in column ? query.metrics[column.metric] : grouping && nameOfGrouping(grouping);
    return `${name}:${descending ? 'desc' : 'asc'}`;
  }),
  limit: query.limit,
  precision: query.precision ?? 'auto',
  ...(query.explain === true ? { explain: true } : {}),
  ...(cursor === undefined ? {} : { cursor }),
  ...(comparison === undefined ? {} : { compare: rangeText(comparison, query.timezone) }),
});
