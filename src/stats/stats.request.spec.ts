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

it('knows aggregates of properties, each by its whole name', () => {
  const names = ['sum', 'avg', 'min', 'max', 'p50', 'p75', 'p90', 'p99', 'uniq'].map((of) => `${of}(property:a)b:c)`);
  expect(metricsOf(names)).toEqual(names);
  const key = 'k'.repeat(1_024);
  expect(fault(() => metricsOf([`uniq(property:${key})`]))).toBe('accepted');
  for (const wrong of [
    `uniq(property:${key}k)`,
    'sum(property:)',
    'sum(page)',
    'sum(property:a',
    'SUM(property:a)',
    'p95(property:a)',
    'sum(property:a) ',
    'constructor(property:a)',
    'sum(property:a\0b)',
  ])
    expect([wrong, fault(() => metricsOf([wrong]))]).toEqual([wrong, 'metrics[0] unknown_metric']);
});

it('takes the project’s zone where none is asked for', () => {
  expect(spanOf({ period: '7d' }, { timezone: 'Asia/Kolkata', now }).timezone).toBe('Asia/Kolkata');
  expect(spanOf({ period: '7d', timezone: 'UTC' }, { timezone: 'Asia/Kolkata', now }).timezone).toBe('UTC');
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
  expect(groupingsOf(['page', 'goal'], undefined, range)[1]).toEqual({ kind: 'goal', goals: [] });
  expect(fault(() => groupingsOf(['page', 'goals'], undefined, range))).toBe('dimensions[1] unknown_dimension');
  expect(fault(() => dimensionOf('pages'))).toBe('dimension unknown_dimension');
  expect(fault(() => dimensionOf('goal'))).toBe('dimension unknown_dimension');
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

it('sorts by a name that ends like a direction', () => {
  expect(orderOf(['property:a:asc'], ['events'], ['property:a:asc'], 'orderBy')).toEqual([
    { column: { grouping: 0 }, descending: false },
  ]);
  expect(orderOf(['p90(property:a:desc):asc'], ['p90(property:a:desc)'], [], 'orderBy')).toEqual([
    { column: { metric: 0 }, descending: false },
  ]);
});

it('reads its own cursors and no others', () => {
  const metrics = ['visitors', 'avg(property:a)'];
  const groupings = groupingsOf(['time:day', 'page'], undefined, range);
  const order = orderOf(['visitors', 'avg(property:a)'], metrics, ['time', 'page'], 'orderBy');
  const asked = { metrics, groupings, order };
  for (const after of [
    [3, 1.5, range.from, '/a'],
    [3, null, range.from, '/a'],
  ])
    expect(readCursor(encodeCursor([...after, range.from, range.to]), asked)).toEqual({ after, range });
  for (const wrong of [
    [3, 1.5, 0, '/a'],
    ['3', 1.5, 0, '/a', 1, 2],
    [null, 1.5, 0, '/a', 1, 2],
    [3, '1.5', 0, '/a', 1, 2],
    [3, 1.5, '0', '/a', 1, 2],
    [3, 1.5, 0, null, 1, 2],
    [3, 1.5, 0, '/a', 2, 1],
    [3, 1.5, 0, '/a', 0.5, 1],
  ])
    expect(fault(() => readCursor(encodeCursor(wrong), asked))).toBe('cursor invalid_cursor');
  const endless = Buffer.from('[1e999,1.5,0,"/a",1,2]').toString('base64url');
  expect(fault(() => readCursor(endless, asked))).toBe('cursor invalid_cursor');
});
