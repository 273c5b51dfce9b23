// Is a range read from sequences where these hold what the events say, and from the events elsewhere?
import { parseFilter } from './filters';
import { dimensionsOf, isToldBySequences, sequenceParts } from './sequences';

const cells = [
  { from: 0, to: 10, version: 1 },
  { from: 10, to: 20, version: 2 },
  { from: 30, to: 40, version: 3 },
];
const parts = (from: number, to: number, stale: [number, number][] = [], since?: number) => {
  const changed = stale.map(([begin, end]) => ({ from: begin, to: end }));
  const found = sequenceParts({ cells, stale: changed }, { from, to }, since);
  return (
    found && [found.versions, found.rest.map((rest) => [rest.from, rest.to]), [found.around.from, found.around.to]]
  );
};

it('takes whole cells, though they reach out of the range, and leaves the gaps to the events', () => {
  expect(parts(0, 40)).toEqual([[1, 2, 3], [[20, 30]], [0, 40]]);
  expect(parts(5, 15)).toEqual([[1, 2], [], [0, 20]]);
  expect(parts(10, 31)).toEqual([[2, 3], [[20, 30]], [10, 40]]);
  expect(parts(10, 30)).toEqual([[2], [[20, 30]], [10, 20]]);
  expect(parts(20, 30)).toBeUndefined();
});

it('takes no cell that changed, however little', () => {
  expect(parts(0, 20, [[9, 10]])).toEqual([[2], [[0, 10]], [10, 20]]);
  expect(parts(0, 20, [[10, 11]])).toEqual([[1], [[10, 20]], [0, 10]]);
  expect(parts(0, 20, [[9, 11]])).toBeUndefined();
  expect(parts(0, 10, [[10, 11]])).toEqual([[1], [], [0, 10]]);
});

it('takes no cell with what is too old to be kept', () => {
  expect(parts(5, 20, [], 5)).toEqual([[2], [[5, 10]], [10, 20]]);
  expect(parts(10, 20, [], 10)).toEqual([[2], [], [10, 20]]);
});

it('takes none where more than a hundred stretches are left', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ from: at * 10, to: at * 10 + 5, version: at }));
  const stretchesOf = (count: number) =>
    sequenceParts({ cells: many(count), stale: [] }, { from: 0, to: count * 10 })?.rest.length;
  expect([99, 100, 101].map(stretchesOf)).toEqual([99, 100, undefined]);
});

it('knows what a filter looks at', () => {
  const page = ['contains', 'page', ['/a']];
  const filters = [
    ['is', 'event', ['signup']],
    page,
    ['and', page, ['or', page, ['not', ['is', 'event', ['x']]]]],
    ['and', page, ['is', 'country', ['DE']]],
    ['is', 'property:plan', ['pro']],
    ['did', page],
    ['not', ['did', page]],
    ['or', page, ['did', page]],
  ].map((filter) => parseFilter(filter));
  expect(filters.map(isToldBySequences)).toEqual([true, true, true, false, false, false, false, false]);
  expect(isToldBySequences(undefined)).toBe(true);
  expect(filters.map(dimensionsOf)).toEqual([
    ['event'],
    ['page'],
    ['page', 'page', 'event'],
    ['page', 'country'],
    ['property:plan'],
    undefined,
    undefined,
    undefined,
  ]);
  const group = { kind: 'among', dimensions: ['page', 'city'], groups: [] } as const;
  expect([dimensionsOf(group), isToldBySequences(group)]).toEqual([['page', 'city'], false]);
});
