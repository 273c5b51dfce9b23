// Is a range taken apart so that nothing is missing, nothing is there twice, and it ends?
import * as fc from 'fast-check';
import { coalesce, HOUR_MS, MINUTE_MS, QUARTER_MS, type TimeRange, without } from '../../common/time-range';
import type { Cell, RollupSnapshot } from '../../aggregation';
import { isDerivable, piecesOf } from './pieces';

const cell = (from: number, to: number, more: Partial<Cell> = {}): Cell => ({
  from,
  to,
  version: from,
  events: 1_000,
  detailed: true,
  skipped: [],
  ...more,
});
const snapshot = (horizon: number, cells: readonly Cell[]): RollupSnapshot => ({
  horizon,
  openFrom: horizon,
  revision: 1,
  cells,
  months: [],
  stale: [],
});
const hours = (count: number): Cell[] =>
  Array.from({ length: count }, (_, at) => cell(at * HOUR_MS, (at + 1) * HOUR_MS));

it('takes whole cells where a range is made of them', () => {
  const cells = hours(4);
  const asked = { range: { from: HOUR_MS, to: 3 * HOUR_MS }, bounds: [], dimension: 'page' };
  expect(piecesOf(asked, snapshot(4 * HOUR_MS, cells), [])).toMatchObject({
    whole: cells.slice(1, 3),
    cut: [],
    raw: [],
  });
});

it('takes a month for its cells where nothing begins or ends inside, nothing is stale, and it keeps the dimension', () => {
  const cells = hours(6);
  const month = cell(HOUR_MS, 4 * HOUR_MS, { version: 7, skipped: ['page', 'property:*'] });
  const whole = (more: Partial<Parameters<typeof piecesOf>[0]>, closures: Parameters<typeof piecesOf>[2] = []) => {
    const asked = { range: { from: 0, to: 6 * HOUR_MS }, bounds: [], dimension: 'country', ...more };
    const pieces = piecesOf(asked, { ...snapshot(6 * HOUR_MS, cells), months: [month] }, closures);
    return pieces?.whole.map(({ from, to }) => (to - from) / HOUR_MS);
  };
  const eachHour = [1, 1, 1, 1, 1, 1];
  expect(whole({})).toEqual([3, 1, 1, 1]);
  expect(whole({ dimension: undefined })).toEqual([3, 1, 1, 1]);
  expect(whole({ bounds: [HOUR_MS, 4 * HOUR_MS] })).toEqual([3, 1, 1, 1]);
  expect(whole({ range: { from: HOUR_MS, to: 4 * HOUR_MS } })).toEqual([3]);
  expect(whole({ bounds: [2 * HOUR_MS] })).toEqual(eachHour);
  expect(whole({ dimension: 'page' })).toEqual(eachHour);
  expect(whole({ dimension: 'property:plan' })).toEqual(eachHour);
  expect(whole({}, [{ from: 3 * HOUR_MS, to: 3 * HOUR_MS + 1 }])).toEqual([1, 1, 1, 1, 1]);
  expect(whole({ range: { from: 0, to: 4 * HOUR_MS - QUARTER_MS }, dimension: undefined })).toEqual([1, 1, 1]);
});

it('knows months that count a dimension, where all of their cells are taken whole', () => {
  const cells = hours(6);
  const month = cell(HOUR_MS, 4 * HOUR_MS, { version: 7, skipped: ['page', 'city'], counted: ['page'] });
  const counted = (more: Partial<Parameters<typeof piecesOf>[0]>, closures: Parameters<typeof piecesOf>[2] = []) => {
    const asked = { range: { from: 0, to: 6 * HOUR_MS }, bounds: [], dimension: 'page', ...more };
    const pieces = piecesOf(asked, { ...snapshot(6 * HOUR_MS, cells), months: [month] }, closures);
    return pieces?.counted.map(({ version }) => version);
  };
  expect(counted({})).toEqual([7]);
  expect(counted({ range: { from: HOUR_MS, to: 4 * HOUR_MS } })).toEqual([7]);
  expect(counted({ range: { from: HOUR_MS, to: 4 * HOUR_MS - 1 } })).toEqual([]);
  expect(counted({ dimension: 'city' })).toEqual([]);
  expect(counted({ dimension: 'country' })).toEqual([]);
  expect(counted({ dimension: undefined })).toEqual([]);
  expect(counted({}, [{ from: 3 * HOUR_MS, to: 3 * HOUR_MS + 1 }])).toEqual([]);
});

it('cuts a cell by quarters of an hour, and splits the hour in which it is cut', () => {
  const asked = { range: { from: 5 * QUARTER_MS, to: 2 * HOUR_MS }, bounds: [], dimension: undefined };
  const day = cell(0, 24 * HOUR_MS);
  expect(piecesOf(asked, snapshot(24 * HOUR_MS, [day]), [])).toMatchObject({
    whole: [],
    cut: [day],
    splitHours: [HOUR_MS],
    raw: [],
  });
});

it('reads what is stale raw, and what is in no cell not at all', () => {
  const asked = { range: { from: 0, to: 10 * HOUR_MS }, bounds: [], dimension: 'page' };
  const stale = { from: HOUR_MS + QUARTER_MS, to: HOUR_MS + 2 * QUARTER_MS };
  const pieces = piecesOf(asked, snapshot(10 * HOUR_MS, hours(3)), [stale]);
  expect(pieces?.raw).toEqual([{ from: HOUR_MS, to: 2 * HOUR_MS }]);
  expect(pieces?.whole.map(({ from }) => from)).toEqual([0, 2 * HOUR_MS]);
});

it('has nothing to say where all is raw, and of what comes after the horizon', () => {
  const asked = { range: { from: 0, to: HOUR_MS }, bounds: [], dimension: undefined };
  expect(piecesOf(asked, snapshot(HOUR_MS, [cell(0, HOUR_MS, { detailed: false })]), [])).toBeUndefined();
  expect(
    piecesOf({ ...asked, range: { from: HOUR_MS, to: 2 * HOUR_MS } }, snapshot(HOUR_MS, hours(1)), []),
  ).toBeUndefined();
});

it('covers every event before the horizon once, in few raw stretches, however it is cut', () => {
  const ranges = fc
    .tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 200 }))
    .map(([from, length]): TimeRange => ({ from: from * 7 * MINUTE_MS, to: (from + length) * 7 * MINUTE_MS }));
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          length: fc.integer({ min: 1, max: 12 }),
          gap: fc.integer({ min: 0, max: 3 }),
          detailed: fc.boolean(),
        }),
        { maxLength: 40 },
      ),
      ranges,
      fc.array(ranges, { maxLength: 6 }),
      fc.constantFrom(undefined, 'page'),
      (shapes, range, closures, dimension) => {
        let at = 0;
        const cells = shapes.map(({ length, gap, detailed }) => {
          const from = at + gap * QUARTER_MS;
          at = from + length * QUARTER_MS;
          return cell(from, at, { detailed });
        });
        const horizon = at;
        const pieces = piecesOf({ range, bounds: [], dimension }, snapshot(horizon, cells), closures);
        if (pieces === undefined) return;
        expect(isDerivable({ range, bounds: [], dimension }, snapshot(horizon, cells))).toBe(true);
        const sealed = { from: range.from, to: Math.min(range.to, horizon) };
        const taken = [...pieces.whole, ...pieces.cut].map(({ from, to }) => ({
          from: Math.max(from, sealed.from),
          to: Math.min(to, sealed.to),
        }));
        const derived = without(coalesce(taken), pieces.raw);
        const held = coalesce(
          [...cells, ...closures].map(({ from, to }) => ({
            from: Math.max(from, sealed.from),
            to: Math.min(to, sealed.to),
          })),
        );
        expect(without(held, [...derived, ...pieces.raw])).toEqual([]);
        // What is stale is never taken from rows.
        expect(without(closures, without(closures, derived)).flatMap((part) => without([part], pieces.raw))).toEqual(
          [],
        );
        expect(pieces.raw.length).toBeLessThanOrEqual(4);
      },
    ),
    { numRuns: 2_000 },
  );
});
