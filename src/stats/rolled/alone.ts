// Which cells are the only ones of their bucket? Their visitors are a number that is kept: no state has to be read for it. Pure.
import { overlaps, type TimeRange } from '../../common/time-range';
import type { Cell } from '../../aggregation';
import type { Pieces } from './pieces';

/** The whole cells whose buckets hold nothing else.
 *  @param starts beginnings of the buckets, oldest first
 *  @param horizon from when on events are read raw; undefined: none are */
export const aloneInBucket = (
  starts: readonly number[],
  { whole, cut, raw }: Pieces,
  horizon: number | undefined,
): Cell[] => {
  const others: TimeRange[] = [...cut, ...raw, ...(horizon === undefined ? [] : [{ from: horizon, to: Infinity }])];
  const cells = whole.toSorted((a, b) => a.from - b.from);
  let place = 0;
  return cells.filter((cell, at) => {
    while ((starts[place + 1] ?? Infinity) <= cell.from) place += 1;
    const bucket = { from: starts[place] ?? -Infinity, to: starts[place + 1] ?? Infinity };
    const beside = [cells[at - 1], cells[at + 1]].some((near) => near !== undefined && overlaps(near, bucket));
    return !beside && !others.some((other) => overlaps(other, bucket));
  });
};
