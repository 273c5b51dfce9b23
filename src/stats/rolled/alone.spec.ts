// Is a cell alone where its bucket holds nothing else, and only there?
import { HOUR_MS } from '../../common/time-range';
import type { Cell } from '../../aggregation';
import { aloneInBucket } from './alone';

const cell = (from: number, to: number): Cell => ({
  from: from * HOUR_MS,
  to: to * HOUR_MS,
  version: from,
  events: 1_000,
  detailed: true,
  skipped: [],
});
const days = [0, 24, 48, 72, 96].map((hour) => hour * HOUR_MS);
const pieces = {
  whole: [cell(0, 24), cell(24, 30), cell(30, 48), cell(49, 72), cell(72, 90)],
  cut: [],
  counted: [],
  splitHours: [],
  raw: [],
};
const found = (cells: readonly Cell[]): number[] => cells.map(({ version }) => version);

it('finds cells that have a bucket to themselves, whole or in part', () => {
  expect(found(aloneInBucket(days, pieces, undefined))).toEqual([0, 49, 72]);
});

it('leaves out those beside which something is read raw, cut, or after the horizon', () => {
  expect(found(aloneInBucket(days, pieces, 90 * HOUR_MS))).toEqual([0, 49]);
  const raw = [{ from: 48 * HOUR_MS, to: 49 * HOUR_MS }];
  expect(found(aloneInBucket(days, { ...pieces, raw }, 90 * HOUR_MS))).toEqual([0]);
  expect(found(aloneInBucket(days, { ...pieces, cut: [cell(-1, 1)] }, undefined))).toEqual([49, 72]);
});

it('takes what comes after the last beginning as one bucket', () => {
  expect(found(aloneInBucket([0], pieces, undefined))).toEqual([]);
  expect(found(aloneInBucket([0], { ...pieces, whole: [cell(5, 90)] }, undefined))).toEqual([5]);
});
