// What does a request for statistics mean? From what was sent to a question as data. Pure: the project and `now` are values.
import { INTERVALS, type Interval } from '../common/buckets';
import { decodeCursor, type CursorKind } from '../common/cursor';
import { resolveRange, resolveTimeZone, type RangeRequest } from '../common/period';
import { DAY_MS, type TimeRange } from '../common/time-range';
import { DIMENSIONS, findDimension, GOAL } from '../events/query';
import { ALL_METRICS, findMetric } from './metrics';
import { badParameter } from './stats.errors';
import type { Grouping, SortBy, SortValue, StatsQuery } from './stats.types';

/** What surrounds a request. */
export interface Asked {
  /** The project's zone. */
  readonly timezone: string;
  readonly now: number;
  /** For the period `all`. */
  readonly firstEventAt?: number;
  /** From when on events are shown; undefined: all of them. */
  readonly since?: number;
}

/** The time that a request is about. */
export interface Span {
  readonly range: TimeRange;
  readonly timezone: string;
  /** As if nothing had happened before; the range stays as it was asked for. */
  readonly since?: number;
}

/** The range of a request, in its zone. @throws invalidInput */
export const spanOf = (
  request: RangeRequest & { timezone?: string },
  { timezone: ofProject, now, firstEventAt, since }: Asked,
): Span => {
  const timezone = resolveTimeZone(request.timezone, ofProject);
  const range = resolveRange(request, { timezone, now, ...(firstEventAt === undefined ? {} : { firstEventAt }) });
  return { range, timezone, ...(since === undefined ? {} : { since }) };
};

/** Metrics that a list has where none are asked for. */
export const LIST_METRICS: readonly string[] = ['visitors', 'sessions', 'pageviews', 'events'];

/** Checks names of metrics. @throws invalidInput naming the first that there is none of */
export const metricsOf = (names: readonly string[] = LIST_METRICS): readonly string[] => {
  names.forEach((name, at) => {
    if (findMetric(name) === undefined)
      throw badParameter(`metrics[${at}]`, 'unknown_metric', `must be one of ${ALL_METRICS}`);
  });
  return names.length === 0 ? LIST_METRICS : names;
};

/** A length of buckets that gives a chart some 24 to 120 points. */
export const intervalFor = ({ from, to }: TimeRange): Interval => {
  const days = (to - from) / DAY_MS;
  // Two days and a little: a day of 25 hours is still a day.
  if (days <= 2.1) return days <= 0.1 ? 'minute' : 'hour';
  if (days <= 100) return 'day';
  return days <= 800 ? 'week' : 'month';
};

/** The grouping by a dimension of events, which `goal` is not. @throws invalidInput */
export const dimensionOf = (name: string, path = 'dimension'): Grouping => {
  if (findDimension(name) === undefined) {
    const names = DIMENSIONS.filter((known) => known !== GOAL);
    throw badParameter(path, 'unknown_dimension', `must be one of ${names.join(', ')}, property:<key>`);
  }
  return { kind: 'value', dimension: name };
};

/** The grouping of a breakdown; which goals there are is settled later. @throws invalidInput */
export const groupingOf = (name: string, path = 'dimension'): Grouping => {
  if (name === GOAL) return { kind: 'goal', goals: [] };
  if (findDimension(name) === undefined)
    throw badParameter(path, 'unknown_dimension', `must be one of ${DIMENSIONS.join(', ')}, property:<key>`);
  return { kind: 'value', dimension: name };
};

/** The groupings of a free question: `page`, `time:day`, or `time` with the interval beside it. @throws invalidInput */
export const groupingsOf = (
  names: readonly string[] = [],
  interval: Interval | undefined,
  range: TimeRange,
): Grouping[] => {
  const groupings = names.map((name, at): Grouping => {
    if (name === 'time') return { kind: 'time', interval: interval ?? intervalFor(range) };
    if (!name.startsWith('time:')) return groupingOf(name, `dimensions[${at}]`);
    const given = INTERVALS.find((known) => name === `time:${known}`);
    if (given === undefined)
      throw badParameter(`dimensions[${at}]`, 'unknown_interval', `must be time:<interval> of ${INTERVALS.join(', ')}`);
    return { kind: 'time', interval: given };
  });
  if (groupings.filter(({ kind }) => kind === 'time').length > 1)
    throw badParameter('dimensions', 'repeated_item', 'must not hold time twice');
  if (interval !== undefined && !names.includes('time'))
    throw badParameter('interval', 'unused', 'is the length of buckets of the dimension time, which is not asked for');
  return groupings;
};

/** The name under which a grouping is sorted and answered. */
export const nameOfGrouping = (grouping: Grouping): string =>
  grouping.kind === 'value' ? grouping.dimension : grouping.kind === 'goal' ? GOAL : 'time';

/** A total order: what was asked for, then every grouping that is not in it yet.
 *  @param names under which groupings can be named here
 *  @throws invalidInput */
export const orderOf = (
  asked: readonly string[],
  metrics: readonly string[],
  names: readonly string[],
  path: string,
): SortBy[] => {
  const order = asked.map((text, index): SortBy => {
    const at = asked.length === 1 && path === 'order' ? path : `${path}[${index}]`;
    // A property's key may end in ":asc" itself.
    const whole = metrics.includes(text) || names.includes(text);
    const [, name = text, direction] = (whole ? null : /^(.*):(asc|desc)$/s.exec(text)) ?? [];
    const metric = metrics.indexOf(name);
    const grouping = names.indexOf(name);
    if (metric >= 0) {
      if (findMetric(name)?.sortable !== true)
        throw badParameter(at, 'not_sortable', `${name} has an amount a currency: rows can't be sorted by it`);
      return { column: { metric }, descending: direction !== 'asc' };
    }
    if (grouping >= 0) return { column: { grouping }, descending: direction === 'desc' };
    throw badParameter(
      at,
      'unknown_order',
      `must be one of ${[...metrics, ...names].join(', ')}, with :asc or :desc, and metrics must be asked for`,
    );
  });
  const sorted = new Set(order.map(({ column }) => ('grouping' in column ? column.grouping : -1)));
  return [
    ...order,
    ...names.flatMap((_, grouping): SortBy[] =>
      sorted.has(grouping) ? [] : [{ column: { grouping }, descending: false }],
    ),
  ];
};

/** Largest first by the first metric that can be sorted by; nothing where there is none. */
export const defaultOrder = (metrics: readonly string[]): string[] =>
  metrics.filter((name) => findMetric(name)?.sortable === true).slice(0, 1);

/** What a cursor holds: the sort values of the last row, and the range, so that a walk begun before midnight goes on in its day. */
export interface StatsCursor {
  readonly after: readonly SortValue[];
  readonly range: TimeRange;
}

/** Which kind of value each column of an order has. */
const kindsOf = (
  order: readonly SortBy[],
  metrics: readonly string[],
  groupings: readonly Grouping[],
): readonly CursorKind[] =>
  order.map(({ column }) => {
    if ('metric' in column) return findMetric(metrics[column.metric] ?? '')?.nullable === true ? 'number?' : 'number';
    return groupings[column.grouping]?.kind === 'time' ? 'number' : 'string';
  });

/** Reads a cursor of a question with this order. @throws invalidInput when it is of another question */
export const readCursor = (
  cursor: string,
  { order, metrics, groupings }: Pick<StatsQuery, 'order' | 'metrics' | 'groupings'>,
): StatsCursor => {
  const values = decodeCursor(cursor, [...kindsOf(order, metrics, groupings), 'number', 'number']);
  const [from, to] = values.slice(-2) as [number, number];
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from >= to)
    throw badParameter('cursor', 'invalid_cursor', 'must be a cursor that this list returned');
  return { after: values.slice(0, -2), range: { from, to } };
};

/** A question without the parts that are not there: optional fields are left out, never undefined. */
export const question = (parts: { [K in keyof StatsQuery]: StatsQuery[K] | undefined }): StatsQuery =>
  Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as unknown as StatsQuery;
