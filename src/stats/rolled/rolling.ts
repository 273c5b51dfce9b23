// Which buckets are 24 hours across the end of two cells, as days of another zone are? Their visitors may be a number that is kept. Pure.
import { DAY_MS, overlaps, QUARTER_MS, shared, type TimeRange, without } from '../../common/time-range';
import type { RollingDay } from '../../aggregation';
import type { Pieces } from './pieces';

/** The days that rows of two cells stand for, of which visitors were counted.
 *  @param starts beginnings of the buckets, oldest first, the first that of the range */
export const rollingDays = (starts: readonly number[], range: TimeRange, { cut, raw }: Pieces): RollingDay[] => {
  const cells = cut.toSorted((a, b) => a.from - b.from);
  let place = 0;
  return starts.flatMap((from, at) => {
    const to = starts[at + 1] ?? range.to;
    while ((cells[place]?.to ?? Infinity) <= from) place += 1;
    const [cell, next] = [cells[place], cells[place + 1]];
    if (cell === undefined || next === undefined || to - from !== DAY_MS) return [];
    const isCounted = cell.to === next.from && cell.rollingNext === next.version;
    if (!isCounted || from < Math.max(range.from, cell.from) || to > next.to || (from - cell.from) % QUARTER_MS !== 0)
      return [];
    return raw.some((stretch) => overlaps(stretch, { from, to })) ? [] : [{ from, cell, next }];
  });
};

/** Cells of which something in the range lies in none of these days. */
export const beside = (days: readonly TimeRange[], range: TimeRange, { cut }: Pieces): Pieces['cut'] =>
  cut.filter((cell) => {
    const asked = shared(cell, range);
    return asked !== undefined && without([asked], days).length > 0;
  });
