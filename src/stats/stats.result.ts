// What do rows of the warehouse become? The answers of the contract. Pure.
import type { Interval } from '../common/buckets';
import type { TimeRange } from '../common/time-range';
import { isoInZone } from '../common/time-zone';
import { toJson } from '../events/query';
import { metricOf } from './metrics';
import type { BucketDto, BreakdownRowDto, FiguresDto, StatsMetaDto } from './stats.dto';
import { nameOfGrouping } from './stats.request';
import type { StatsQuery, StatsRow } from './stats.types';

/** Figures by the names of their metrics. */
export const toFigures = (metrics: readonly string[], row: StatsRow | undefined): FiguresDto =>
  Object.fromEntries(metrics.map((name, at) => [name, row?.values[at] ?? metricOf(name).zero()]));

/** Every bucket, those without rows as zeros. @param starts beginnings of all buckets */
export const toBuckets = (query: StatsQuery, starts: readonly number[], rows: readonly StatsRow[]): BucketDto[] => {
  const byStart = new Map(rows.map((row) => [row.groups[0], row]));
  return starts.map((start) => ({
    time: isoInZone(query.timezone, start),
    ...toFigures(query.metrics, byStart.get(start)),
  }));
};

/** A row of a breakdown. */
export const toBreakdownRow = (query: StatsQuery, row: StatsRow): BreakdownRowDto => ({
  value: String(row.groups[0]),
  ...toFigures(query.metrics, row),
});

/** The rows of these values in their order, those without events as zeros. */
export const alongside = (
  query: StatsQuery,
  values: readonly StatsRow[],
  rows: readonly StatsRow[],
): BreakdownRowDto[] => {
  const byValue = new Map(rows.map((row) => [row.groups[0], row]));
  return values.map(({ groups }) => ({
    value: String(groups[0]),
    ...toFigures(query.metrics, byValue.get(groups[0] ?? '')),
  }));
};

/** A row of a free question: its groupings and metrics by name. */
export const toNamedRow = (query: StatsQuery, row: StatsRow): Record<string, unknown> => ({
  ...Object.fromEntries(
    query.groupings.map((grouping, at) => {
      const value = row.groups[at];
      return [nameOfGrouping(grouping), typeof value === 'number' ? isoInZone(query.timezone, value) : value];
    }),
  ),
  ...toFigures(query.metrics, row),
});

/** What figures are of. */
export const toMeta = (range: TimeRange, timezone: string, interval?: Interval): StatsMetaDto => ({
  from: isoInZone(timezone, range.from),
  to: isoInZone(timezone, range.to),
  timezone,
  ...(interval === undefined ? {} : { interval }),
});

/** The sort values of a row, for a cursor. */
export const sortValues = (query: StatsQuery, row: StatsRow): (string | number)[] =>
  query.order.map(({ column }) =>
    'metric' in column ? (row.values[column.metric] as number) : (row.groups[column.grouping] ?? ''),
  );

/** The question in the contract's words, with everything resolved. */
export const toNormalised = (query: StatsQuery, comparison: TimeRange | undefined): Record<string, unknown> => {
  const meta = toMeta(query.range, query.timezone);
  const compared = comparison === undefined ? undefined : toMeta(comparison, query.timezone);
  return {
    metrics: query.metrics,
    dimensions: query.groupings.map((grouping) =>
      grouping.kind === 'time' ? `time:${grouping.interval}` : grouping.dimension,
    ),
    ...(query.filter === undefined ? {} : { filters: toJson(query.filter) }),
    ...meta,
    orderBy: query.order.map(({ column, descending }) => {
      const grouping = 'grouping' in column ? query.groupings[column.grouping] : undefined;
      const name = 'metric' in column ? query.metrics[column.metric] : grouping && nameOfGrouping(grouping);
      return `${name}:${descending ? 'desc' : 'asc'}`;
    }),
    limit: query.limit,
    ...(compared === undefined ? {} : { compare: `${compared.from}..${compared.to}` }),
  };
};
