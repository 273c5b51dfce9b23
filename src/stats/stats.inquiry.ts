// Which question does each route put? All of them become the same kind of inquiry, which one path of code answers. Pure.
import type { Interval } from '../common/buckets';
import { resolveComparison } from '../common/period';
import type { TimeRange } from '../common/time-range';
import { allOf, type Filter, parseFilter, parseFilterText } from '../events/query';
import type { GoalTarget } from '../goals';
import { OVERVIEW_METRICS } from './metrics';
import type * as dto from './stats.dto';
import { badParameter } from './stats.errors';
import { outOf, settleGoals, wantsGoals } from './stats.goals';
import * as ask from './stats.request';
import type { Grouping, SortBy, StatsQuery, StatsRow } from './stats.types';

/** Which groupings there are does not depend on the range. */
const ANY_RANGE: TimeRange = { from: 0, to: 1 };

const DEFAULT_ROWS = 50;
const DEFAULT_QUERY_ROWS = 1_000;

/** A question before its range is known. */
export interface Inquiry {
  readonly metrics: readonly string[];
  /** The length of buckets may follow from the range; how many groupings there are, and of which kind, does not. */
  readonly groupings: (range: TimeRange) => readonly Grouping[];
  readonly order: readonly SortBy[];
  /** As it was asked: goals stand in it by their names. */
  readonly filter: Filter | undefined;
  readonly search?: string | undefined;
  /** Most rows of a page; undefined: all rows at once. */
  readonly limit?: number;
}

/** What the overview asks. @throws invalidInput */
export const overviewInquiry = ({ filters }: dto.OverviewQuery): Inquiry => ({
  metrics: OVERVIEW_METRICS,
  groupings: () => [],
  order: [],
  filter: parseFilterText(filters),
});

/** What a series asks: every bucket, in no order. @throws invalidInput */
export const timeseriesInquiry = ({ metrics, interval, filters }: dto.TimeseriesQuery): Inquiry => ({
  metrics: ask.metricsOf(metrics),
  groupings: (range) => [{ kind: 'time', interval: interval ?? ask.intervalFor(range) }],
  order: [],
  filter: parseFilterText(filters),
});

/** What a breakdown asks: a page of the values of a dimension. @throws invalidInput */
export const breakdownInquiry = (dimension: string, request: dto.BreakdownQuery): Inquiry => {
  const grouping = ask.groupingOf(dimension);
  const metrics = ask.metricsOf(request.metrics);
  const asked = request.order === undefined ? ask.defaultOrder(metrics) : [request.order];
  return {
    metrics,
    groupings: () => [grouping],
    order: ask.orderOf(asked, metrics, ['value'], 'order'),
    filter: parseFilterText(request.filters),
    search: request.search,
    limit: request.limit ?? DEFAULT_ROWS,
  };
};

/** What a free question asks. @throws invalidInput */
export const freeInquiry = (request: dto.StatsQueryDto): Inquiry => {
  const metrics = ask.metricsOf(request.metrics);
  const groupings = (range: TimeRange): Grouping[] => ask.groupingsOf(request.dimensions, request.interval, range);
  const names = groupings(ANY_RANGE).map(ask.nameOfGrouping);
  const usual = [...(names.includes('time') ? ['time'] : []), ...ask.defaultOrder(metrics)];
  return {
    metrics,
    groupings,
    order: ask.orderOf(request.orderBy ?? usual, metrics, names, 'orderBy'),
    filter: request.filters === undefined ? undefined : parseFilter(request.filters),
    limit: request.limit ?? DEFAULT_QUERY_ROWS,
  };
};

/** What every request may say about its question. */
type Wording = Pick<dto.StatsRangeQuery, 'period' | 'from' | 'to' | 'compare' | 'precision'> & {
  readonly cursor?: string;
  readonly explain?: boolean;
};

/** A question, and the range to compare with. */
export interface Resolved {
  readonly query: StatsQuery;
  readonly comparison: TimeRange | undefined;
}

/** Whether an inquiry can't be put without the project's goals. */
export const isAboutGoals = ({ metrics, groupings, filter }: Inquiry): boolean =>
  wantsGoals({ metrics, groupings: groupings(ANY_RANGE), filter });

/** Puts an inquiry to a project and a range: that of the cursor, where a page before has settled it.
 *  @param goals all of the project's, where the inquiry is about goals
 *  @throws invalidInput */
export const resolve = (
  inquiry: Inquiry,
  request: Wording,
  project: number,
  span: ask.Span,
  goals: readonly GoalTarget[] = [],
): Resolved => {
  const { metrics, order, filter, search, limit } = inquiry;
  const groupings = inquiry.groupings(span.range);
  if (request.cursor !== undefined && groupings.length === 0)
    throw badParameter('cursor', 'invalid_cursor', 'must not be given: without dimensions there is one row');
  const cursor =
    request.cursor === undefined ? undefined : ask.readCursor(request.cursor, { order, metrics, groupings });
  const range = cursor?.range ?? span.range;
  // A period moves on between two pages; a range that was spelled out does not.
  if (request.period === undefined && (range.from !== span.range.from || range.to !== span.range.to))
    throw badParameter('cursor', 'invalid_cursor', 'must be a cursor of the same range');
  const query = ask.question({
    project,
    range,
    since: span.since,
    timezone: span.timezone,
    metrics,
    ...settleGoals({ metrics, groupings: inquiry.groupings(range), filter }, goals),
    search,
    order,
    limit,
    after: cursor?.after,
    precision: request.precision,
    explain: request.explain,
  });
  const comparison =
    request.compare === undefined ? undefined : resolveComparison(request.compare, range, span.timezone);
  return { query, comparison };
};

/** The interval of a question's buckets; undefined where it has none. */
export const intervalOf = ({ groupings }: StatsQuery): Interval | undefined =>
  groupings.find((grouping) => grouping.kind === 'time')?.interval;

/** Whether another range is asked for the very groups of a page. Buckets of time are never the same in two ranges. */
export const comparesGroups = (query: StatsQuery): boolean =>
  query.groupings.length > 0 && intervalOf(query) === undefined;

/** The same question about another range, from its first row on. */
export const sameQuestion = (query: StatsQuery, range: TimeRange): StatsQuery =>
  ask.question({ ...query, range, after: undefined });

/** What these groups, one at least, were in another range: all of them at once, in no order, perhaps with others of the same values. */
export const sameGroups = (query: StatsQuery, rows: readonly StatsRow[], range: TimeRange): StatsQuery => {
  const among = groupsFilter(query, rows);
  const named = (place: number): Set<unknown> => new Set(rows.map(({ groups }) => groups[place]));
  const groupings = query.groupings.map((grouping, place) => {
    if (grouping.kind !== 'goal') return grouping;
    const names = named(place);
    return { ...grouping, goals: grouping.goals.filter(({ name }) => names.has(name)) };
  });
  return ask.question({
    ...query,
    range,
    groupings,
    filter: allOf(query.filter, among),
    outOf: query.outOf === undefined ? undefined : outOf(allOf(query.outOf.filter, among)),
    order: [],
    limit: undefined,
    after: undefined,
  });
};

/** The events with the values of these rows, whatever their time and the goals that they reach. */
const groupsFilter = ({ groupings }: StatsQuery, rows: readonly StatsRow[]): Filter | undefined => {
  const places = groupings.flatMap((grouping, place) => (grouping.kind === 'value' ? [place] : []));
  const dimensions = places
    .map((place) => groupings[place])
    .flatMap((one) => (one?.kind === 'value' ? [one.dimension] : []));
  const groups = rows.map((row) => places.map((place) => String(row.groups[place])));
  const [dimension] = dimensions;
  if (dimension === undefined) return undefined;
  return dimensions.length === 1
    ? { kind: 'test', op: 'is', dimension, values: groups.map(([value = '']) => value) }
    : { kind: 'among', dimensions, groups };
};
