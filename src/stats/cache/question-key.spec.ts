// Do two questions share a name exactly where they ask the same?
import type { StatsQuery } from '../stats.types';
import { questionKey } from './question-key';

const query: StatsQuery = {
  project: 1,
  range: { from: 0, to: 10 },
  timezone: 'UTC',
  metrics: ['visitors', 'events'],
  groupings: [],
  order: [],
};
const key = (more: Partial<StatsQuery> = {}): string => questionKey({ ...query, ...more }, 'UTC');

it('is the same in whatever order a question is written down', () => {
  const backwards = Object.fromEntries(Object.entries(query).reverse()) as unknown as StatsQuery;
  expect(questionKey({ ...backwards, range: { to: 10, from: 0 } }, 'UTC')).toBe(key());
});

it('takes what is not said for not being there, and asks nothing by explaining', () => {
  expect(questionKey(Object.assign({}, query, { search: undefined }), 'UTC')).toBe(key());
  expect(key({ explain: true })).toBe(key());
});

it('is another one for anything that can change the answer', () => {
  const others = [
    key({ project: 2 }),
    key({ range: { from: 0, to: 11 } }),
    key({ timezone: 'Asia/Kathmandu' }),
    key({ metrics: ['events', 'visitors'] }),
    key({ groupings: [{ kind: 'value', dimension: 'page' }] }),
    key({ filter: { kind: 'test', op: 'is', dimension: 'page', values: ['/'] } as never }),
    key({ limit: 1 }),
    key({ after: [null] }),
    key({ precision: 'exact' }),
    key({ since: 1 }),
    questionKey(query, 'Asia/Kathmandu'),
  ];
  expect(new Set([key(), ...others]).size).toBe(others.length + 1);
});

it('keeps apart what only looks alike: a text and its number, a list and its first item', () => {
  const filter = (values: unknown): Partial<StatsQuery> => ({ filter: { values } as never });
  expect(new Set([key(filter(['1'])), key(filter([1])), key(filter('1')), key(filter([['1']]))]).size).toBe(4);
});
