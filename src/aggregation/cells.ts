// Which stretches of a project's time are cells? The arithmetic of days, pieces and holes. Pure: no store, no clock.
import { DAY_MS, MINUTE_MS, type TimeRange } from '../common/time-range';
import { addDays, localTime, startOfDay, type LocalDay } from '../common/time-zone';

/** A cell as its pointer has it. */
export interface Cell extends TimeRange {
  readonly version: number;
  readonly events: number;
  readonly detailed: boolean;
  readonly skipped: readonly string[];
}

/** Horizons are multiples of this: every zone's midnight of today is one too. */
export const QUARTER_MS = 15 * MINUTE_MS;

/** The last quarter hour at or before a moment. */
export const quarterBefore = (at: number): number => Math.floor(at / QUARTER_MS) * QUARTER_MS;

/** The beginning of a moment's UTC day. */
export const utcDayOf = (at: number): number => Math.floor(at / DAY_MS) * DAY_MS;

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

/** The same time in as few ranges as it takes, oldest first. */
export const coalesce = (ranges: readonly TimeRange[]): TimeRange[] => {
  const merged: TimeRange[] = [];
  for (const { from, to } of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to)
      merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, to) };
    else if (from < to) merged.push({ from, to });
  }
  return merged;
};

/** What is left of a range outside the others, oldest first. */
export const without = (range: TimeRange, others: readonly TimeRange[]): TimeRange[] => {
  const left: TimeRange[] = [];
  let from = range.from;
  for (const other of coalesce(others)) {
    if (other.to <= from) continue;
    if (other.from >= range.to) break;
    if (other.from > from) left.push({ from, to: other.from });
    from = other.to;
  }
  if (from < range.to) left.push({ from, to: range.to });
  return left;
};

/** The local day that holds a moment.
 *  TRICKY: a clock that is put back across midnight shows a date again that was over: the moment then belongs to the later day. */
export const localDayOf = (zone: string, at: number): TimeRange => {
  let day: LocalDay = localTime(zone, at);
  for (;;) {
    const next = addDays(day, 1);
    const to = startOfDay(zone, next);
    if (to > at) return { from: startOfDay(zone, day), to };
    day = next;
  }
};

/** The local days that a range touches, whole, oldest first. */
export const localDaysOf = (zone: string, range: TimeRange): TimeRange[] => {
  const days: TimeRange[] = [];
  for (let at = range.from; at < range.to; at = days.at(-1)?.to ?? range.to) days.push(localDayOf(zone, at));
  return days;
};

/** A range cut at local midnights. */
export const piecesOf = (zone: string, range: TimeRange): TimeRange[] =>
  localDaysOf(zone, range).flatMap((day) => shared(day, range) ?? []);
