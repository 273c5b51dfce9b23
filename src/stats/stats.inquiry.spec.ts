// What does each route ask, on which page, and beside which other range?
import { encodeCursor } from '../common/cursor';
import { Problem } from '../common/problem';
import { DAY_MS } from '../common/time-range';
import { breakdownInquiry, comparesGroups, freeInquiry, resolve, sameGroups, sameQuestion } from './stats.inquiry';

const range = { from: Date.UTC(2026, 2, 1), to: Date.UTC(2026, 2, 3) };
const span = { range, timezone: 'UTC' };
const words = { from: '2026-03-01', to: '2026-03-02' };

it('puts the words of a shorthand and of a free question alike', () => {
  const short = breakdownInquiry('page', { metrics: ['visitors', 'events'], order: 'events:asc', limit: 7 });
  const free = freeInquiry({
    metrics: ['visitors', 'events'],
    dimensions: ['page'],
    orderBy: ['events:asc'],
    limit: 7,
  });
  expect(resolve(short, words, 7, span)).toEqual(resolve(free, words, 7, span));
});

it('carries how exact an answer must be, and whether it explains itself', () => {
  const inquiry = freeInquiry({ metrics: ['visitors'] });
  expect(resolve(inquiry, { ...words, precision: 'exact', explain: true }, 7, span).query).toMatchObject({
    precision: 'exact',
    explain: true,
  });
  expect(resolve(inquiry, words, 7, span).query).not.toHaveProperty('precision');
});

it('goes on in the range of the page before, and compares with what lies before that', () => {
  const inquiry = breakdownInquiry('page', { metrics: ['visitors'] });
  const yesterday = { from: range.from - DAY_MS, to: range.to - DAY_MS };
  const cursor = encodeCursor([3, '/a', yesterday.from, yesterday.to]);
  const { query, comparison } = resolve(inquiry, { period: '7d', compare: 'previous', cursor }, 7, span);
  expect([query.range, query.after]).toEqual([yesterday, [3, '/a']]);
  expect(comparison).toEqual({ from: yesterday.from - 2 * DAY_MS, to: yesterday.from });
  expect(() => resolve(inquiry, { cursor }, 7, span)).toThrow(Problem);
});

it('has no second page where there are no groups', () => {
  const cursor = encodeCursor([range.from, range.to]);
  expect(() => resolve(freeInquiry({ metrics: ['revenue'] }), { ...words, cursor }, 7, span)).toThrow(Problem);
});

it('takes the length of buckets from the range, where none is asked for', () => {
  const inquiry = freeInquiry({ metrics: ['visitors'], dimensions: ['time'] });
  expect(resolve(inquiry, words, 7, span).query.groupings).toEqual([{ kind: 'time', interval: 'hour' }]);
  const longer = { ...span, range: { from: range.from - 30 * DAY_MS, to: range.to } };
  expect(resolve(inquiry, words, 7, longer).query.groupings).toEqual([{ kind: 'time', interval: 'day' }]);
});

it('asks another range for the groups of a page, or where there is time for itself', () => {
  const other = { from: range.from - DAY_MS, to: range.from };
  const of = (dimensions: string[]) =>
    resolve(freeInquiry({ metrics: ['visitors'], dimensions, filters: ['is', 'country', ['DE']] }), words, 7, span)
      .query;
  const row = (...groups: string[]) => ({ groups, values: [1] });

  expect([of(['page']), of(['page', 'os']), of(['time', 'page']), of([])].map(comparesGroups)).toEqual([
    true,
    true,
    false,
    false,
  ]);
  const one = sameGroups(of(['page']), [row('/a'), row('/b')], other);
  expect(one.filter).toMatchObject({ filters: [{}, { op: 'is', dimension: 'page', values: ['/a', '/b'] }] });
  const two = sameGroups(of(['page', 'os']), [row('/a', 'iOS')], other);
  expect(two.filter).toMatchObject({
    filters: [{}, { kind: 'among', dimensions: ['page', 'os'], groups: [['/a', 'iOS']] }],
  });
  // Buckets are asked for again whole: the same values at any time.
  const series = sameGroups(of(['time', 'page']), [{ groups: [0, '/a'], values: [1] }], range);
  expect(series.filter).toMatchObject({ filters: [{}, { op: 'is', dimension: 'page', values: ['/a'] }] });
  for (const query of [one, two]) {
    expect(query).toMatchObject({ range: other, order: [] });
    expect(query).not.toHaveProperty('limit');
  }
  const timed = { ...of(['time', 'page']), after: [0, '/a'] };
  expect(sameQuestion(timed, other)).toMatchObject({ range: other, limit: 1_000 });
  expect(sameQuestion(timed, other)).not.toHaveProperty('after');
});
