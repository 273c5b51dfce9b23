// What is understood out of a request's words, and what is refused?
import { encodeCursor } from '../common/cursor';
import { Problem } from '../common/problem';
import { DAY_MS } from '../common/time-range';
import { METRICS, OVERVIEW_METRICS } from './metrics';
import {
  defaultOrder,
  dimensionOf,
  groupingsOf,
  intervalFor,
  LIST_METRICS,
  metricsOf,
  orderOf,
  readCursor,
  spanOf,
} from './stats.request';

const now = Date.UTC(2026, 10, 22, 12);
const range = { from: now - 7 * DAY_MS, to: now };

const fault = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof Problem) return (error.extra.errors ?? []).map(({ path, code }) => `${path} ${code}`).join();
    throw error;
  }
  return 'accepted';
};

it('knows the metrics of the overview, and names the place of one that it does not know', () => {
  expect(OVERVIEW_METRICS.every((name) => METRICS.includes(name))).toBe(true);
  expect(metricsOf(['revenue', 'events'])).toEqual(['revenue', 'events']);
  expect(metricsOf(undefined)).toEqual(LIST_METRICS);
  expect(fault(() => metricsOf(['events', 'constructor']))).toBe('metrics[1] unknown_metric');
});

it('takes the project’s zone and resolves the comparison in it', () => {
  const span = spanOf({ period: '7d', compare: 'previous' }, { timezone: 'Asia/Kolkata', now });
  expect(span.timezone).toBe('Asia/Kolkata');
  expect(span.comparison?.to).toBe(span.range.from);
  expect(spanOf({ period: '7d' }, { timezone: 'UTC', now })).not.toHaveProperty('comparison');
});

it.each([
  [0.05, 'minute'],
  [1, 'hour'],
  [25 / 24, 'hour'],
  [2, 'hour'],
  [7, 'day'],
  [92, 'day'],
  [366, 'week'],
  [3_000, 'month'],
])('gives %d days buckets of a %s', (days, interval) => {
  expect(intervalFor({ from: 0, to: days * DAY_MS })).toBe(interval);
});

it('reads groupings of time with their interval', () => {
  expect(groupingsOf(['time:day', 'page'], undefined, range)).toEqual([
    { kind: 'time', interval: 'day' },
    { kind: 'value', dimension: 'page' },
  ]);
  expect(groupingsOf(['time'], 'week', range)).toEqual([{ kind: 'time', interval: 'week' }]);
  expect(groupingsOf(['time'], undefined, range)).toEqual([{ kind: 'time', interval: 'day' }]);
  expect(groupingsOf(undefined, undefined, range)).toEqual([]);
  expect(fault(() => groupingsOf(['time:year'], undefined, range))).toBe('dimensions[0] unknown_interval');
  expect(fault(() => groupingsOf(['time', 'time:day'], undefined, range))).toBe('dimensions repeated_item');
  expect(fault(() => groupingsOf(['page'], 'day', range))).toBe('interval unused');
  expect(fault(() => groupingsOf(['page', 'goal'], undefined, range))).toBe('dimensions[1] unknown_dimension');
  expect(fault(() => dimensionOf('pages'))).toBe('dimension unknown_dimension');
});

it('sorts by what is asked for, then by every grouping, so that no two rows are level', () => {
  expect(orderOf(['visitors'], ['visitors', 'events'], ['value'], 'order')).toEqual([
    { column: { metric: 0 }, descending: true },
    { column: { grouping: 0 }, descending: false },
  ]);
  expect(orderOf(['property:a:b:asc'], ['events'], ['time', 'property:a:b'], 'orderBy')).toEqual([
    { column: { grouping: 1 }, descending: false },
    { column: { grouping: 0 }, descending: false },
  ]);
  expect(orderOf(['value:desc'], ['events'], ['value'], 'order')).toEqual([
    { column: { grouping: 0 }, descending: true },
  ]);
  expect(fault(() => orderOf(['revenue'], ['revenue'], ['value'], 'order'))).toBe('order not_sortable');
  expect(fault(() => orderOf(['visitors'], ['events'], ['value'], 'order'))).toBe('order unknown_order');
  expect(fault(() => orderOf(['value', 'x'], ['events'], ['value'], 'orderBy'))).toBe('orderBy[1] unknown_order');
  expect(defaultOrder(['revenue', 'events', 'visitors'])).toEqual(['events']);
  expect(defaultOrder(['revenue'])).toEqual([]);
});

it('reads its own cursors and no others', () => {
  const order = orderOf(['visitors'], ['visitors'], ['value'], 'order');
  expect(readCursor(encodeCursor([3, '/a', range.from, range.to]), order)).toEqual({ after: [3, '/a'], range });
  for (const wrong of [
    [3, '/a'],
    ['3', '/a', 1, 2],
    [3, '/a', 2, 1],
    [3, '/a', 0.5, 1],
  ])
    expect(fault(() => readCursor(encodeCursor(wrong), order))).toBe('cursor invalid_cursor');
});
