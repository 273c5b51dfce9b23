// The one shape of a stretch of time, half-open, in UTC milliseconds; and the arithmetic of such ranges. Pure.

/** Half-open [from, to), milliseconds since the epoch. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
/** Every zone's midnight of today is a multiple of it, so what is worked out ahead begins and ends on one. */
export const QUARTER_MS = 15 * MINUTE_MS;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** The last multiple of a step at or before a moment. */
export const floorTo = (at: number, step: number): number => Math.floor(at / step) * step;

/** The first multiple of a step at or after a moment. */
export const ceilTo = (at: number, step: number): number => Math.ceil(at / step) * step;

export const overlaps = (a: TimeRange, b: TimeRange): boolean => a.from < b.to && b.from < a.to;

export const holds = (range: TimeRange, at: number): boolean => range.from <= at && at < range.to;

/** What two ranges share; undefined: nothing. */
export const shared = (a: TimeRange, b: TimeRange): TimeRange | undefined =>
  overlaps(a, b) ? { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) } : undefined;

/** From the first beginning to the last end. There must be a range. */
export const hull = (ranges: readonly TimeRange[]): TimeRange => ({
  from: ranges.reduce((least, { from }) => Math.min(least, from), Infinity),
  to: ranges.reduce((most, { to }) => Math.max(most, to), -Infinity),
});

/** The same time in as few ranges as it takes, oldest first: those that touch are one, empty ones are gone. */
export const coalesce = (ranges: readonly TimeRange[]): TimeRange[] => {
  const result: { from: number; to: number }[] = [];
  for (const { from, to } of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (to <= from) continue;
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else result.push({ from, to });
  }
  return result;
};

/** What is left of each range outside the others; of one range, oldest first. */
export const without = (ranges: readonly TimeRange[], others: readonly TimeRange[]): TimeRange[] => {
  const holes = coalesce(others);
  return ranges.flatMap((range) => {
    const left: TimeRange[] = [];
    let { from } = range;
    for (const hole of holes) {
      if (hole.to <= from) continue;
      if (hole.from >= range.to) break;
      if (hole.from > from) left.push({ from, to: hole.from });
      from = hole.to;
    }
    if (from < range.to) left.push({ from, to: range.to });
    return left;
  });
};
