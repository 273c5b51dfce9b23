// Which buckets have a number of their own, and which cells are then left to read?
import { DAY_MS, HOUR_MS, QUARTER_MS } from '../../common/time-range';
import type { Cell } from '../../aggregation';
import type { Pieces } from './pieces';
import { beside, rollingDays } from './rolling';

const day = (at: number, more: Partial<Cell> = {}): Cell => ({
  from: at * DAY_MS,
  to: (at + 1) * DAY_MS,
  version: at,
  events: 20_000,
  detailed: true,
  skipped: [],
  rollingNext: at + 1,
  ...more,
});
const pieces = (cut: readonly Cell[], more: Partial<Pieces> = {}): Pieces => ({
  whole: [],
  cut,
  counted: [],
  splitHours: [],
  raw: [],
  ...more,
});
const AT = 5 * HOUR_MS;
/** Days that begin at five. */
const starts = [1, 2, 3].map((at) => at * DAY_MS + AT);
const range = { from: DAY_MS + AT, to: 4 * DAY_MS + AT };
const cells = [1, 2, 3, 4].map((at) => day(at));
const found = (of: Pieces, from = range.from): number[] =>
  rollingDays(starts, { ...range, from }, of).map((one) => (one.from - AT) / DAY_MS);

it('takes 24 hours of two cells that were counted together', () => {
  expect(found(pieces(cells.toReversed()))).toEqual([1, 2, 3]);
  expect(found(pieces([...cells.slice(0, 2), day(3, { version: 9 }), day(4)]))).toEqual([1, 3]);
  expect(found(pieces([day(1, { rollingNext: undefined }), ...cells.slice(1)]))).toEqual([2, 3]);
  expect(found(pieces([cells[0]!, cells[2]!, cells[3]!]))).toEqual([3]);
});

it('takes no bucket of another length, none that is cut, and none between quarter hours', () => {
  expect(rollingDays(starts, { ...range, to: range.to - 1 }, pieces(cells)).map(({ from }) => from)).toEqual(
    starts.slice(0, 2),
  );
  expect(found(pieces(cells), range.from + 1)).toEqual([2, 3]);
  const later = starts.map((start) => start + 7 * 60_000);
  expect(rollingDays(later, { from: later[0]!, to: range.to }, pieces(cells))).toEqual([]);
});

it('takes no bucket of which something is read raw', () => {
  const before = { from: 2 * DAY_MS + AT - QUARTER_MS, to: 2 * DAY_MS + AT };
  expect(found(pieces(cells, { raw: [before] }))).toEqual([2, 3]);
  expect(found(pieces(cells, { raw: [{ from: before.to, to: before.to + 1 }] }))).toEqual([1, 3]);
});

it('leaves the cells that reach out of the days', () => {
  const days = [{ from: DAY_MS + AT, to: 3 * DAY_MS + AT }];
  expect(beside(days, range, pieces(cells)).map(({ version }) => version)).toEqual([3, 4]);
  expect(beside(days, { ...range, to: 3 * DAY_MS + AT }, pieces(cells))).toEqual([]);
});
