// Do rows become the contract's answers: figures by name, nothing where there is nothing, and how they were come by?
import { inOrderOf, sortValues, toFigures, toMeta, toNormalised, toOverview } from './stats.result';
import { freeInquiry, resolve } from './stats.inquiry';

const range = { from: Date.UTC(2026, 2, 1), to: Date.UTC(2026, 2, 3) };
const metrics = ['events', 'avg(property:a)', 'sum(property:a)', 'revenue'];
const query = resolve(
  freeInquiry({ metrics, dimensions: ['page'], orderBy: ['avg(property:a)'], filters: ['is', 'os', ['iOS']] }),
  { from: '2026-03-01', to: '2026-03-02' },
  7,
  { range, timezone: 'UTC' },
).query;

it('tells no figure from a figure that is nothing', () => {
  const nothing = { events: 0, 'avg(property:a)': null, 'sum(property:a)': 0, revenue: [] };
  expect(toFigures(metrics, undefined)).toEqual(nothing);
  // A sum beyond all numbers is no sum of nothing.
  const beyond = { groups: ['/'], values: [3, null, null, []] };
  expect(toFigures(metrics, beyond)).toEqual({ ...nothing, events: 3, 'sum(property:a)': null });
  expect(sortValues(query, beyond)).toEqual([null, '/']);
});

it('puts groups in the order of others, zeros for those that are not there', () => {
  const row = (values: (number | null)[], ...groups: string[]) => ({ groups, values });
  const order = [row([1], '/a', 'x'), row([1], '/a,x', ''), row([1], '/b', 'x')];
  const found = [row([5], '/b', 'x'), row([4], '/a', 'x')];
  expect(inOrderOf(order, found, ['events']).map(({ values }) => values)).toEqual([[4], [0], [5]]);
});

it('says how figures were come by, and nothing of it where they are exact', () => {
  const table = { query: { ...query, groupings: [] }, rows: [], starts: [], next: null };
  const exact = { from: '2026-03-01T00:00:00.000Z', to: '2026-03-03T00:00:00.000Z', timezone: 'UTC' };
  expect(toOverview({ ...table, account: {} }).meta).toEqual(exact);
  expect(toOverview({ ...table, account: { approximate: [] } }).meta).toEqual(exact);
  const account = {
    approximate: ['events'],
    sampleFraction: 0.25,
    relativeError: { events: 0.01 },
    explain: { parts: [{ name: 'sample', table: 'events', rows: 1, bytes: 2, ms: 3 }], rows: 1, bytes: 2, ms: 4 },
  };
  expect(toOverview({ ...table, account }).meta).toEqual({ ...exact, ...account });
  expect(toMeta(range, 'UTC', 'day', account)).toEqual({ ...exact, interval: 'day', ...account });
});

it('echoes a question so that it can be asked again', () => {
  expect(toNormalised({ ...query, precision: 'exact' }, query.filter, 'next', { from: 0, to: range.from })).toEqual({
    metrics,
    dimensions: ['page'],
    filters: ['is', 'os', ['iOS']],
    from: '2026-03-01T00:00:00.000Z',
    to: '2026-03-03T00:00:00.000Z',
    timezone: 'UTC',
    orderBy: ['avg(property:a):desc', 'page:asc'],
    limit: 1_000,
    precision: 'exact',
    cursor: 'next',
    compare: '1970-01-01T00:00:00.000Z..2026-03-01T00:00:00.000Z',
  });
});
