// Where does each bucket of a time series begin? In local time, through every change of the clock.
import { DAY_MS, HOUR_MS, MINUTE_MS, type TimeRange } from './time-range';
import {
  addDays,
  addMonths,
  changeBetween,
  localTime,
  mondayOf,
  offsetAt,
  startOfDay,
  type LocalDay,
} from './time-zone';

/** Lengths of a bucket. Weeks begin on Monday. */
export const INTERVALS = ['minute', 'hour', 'day', 'week', 'month'] as const;

/** The length of a bucket. */
export type Interval = (typeof INTERVALS)[number];

/** The length at the least, for counting ahead. */
const SHORTEST_MS: Record<Interval, number> = {
  minute: MINUTE_MS,
  hour: HOUR_MS,
  day: DAY_MS,
  week: 7 * DAY_MS,
  month: 28 * DAY_MS,
};

/** The beginnings of a range's buckets, oldest first; the first is the range's own beginning, the last bucket ends with the range.
 *  - Days, weeks and months begin with the first moment at which the local clock shows their first date; a skipped day is no bucket.
 *  - Minutes and hours begin where the local clock shows a full one, and where the clock is put forward or back: an hour that
 *    comes twice is two buckets, one that is cut short is a short one.
 *  @returns undefined when there are more than `max` */
export const bucketStarts = (range: TimeRange, interval: Interval, zone: string, max: number): number[] | undefined => {
  // Two more, as the first and the last may be cut; months are counted by their shortest, so a few more are let through.
  if ((range.to - range.from) / SHORTEST_MS[interval] > max * 1.1 + 2) return undefined;
  const starts = [range.from];
  for (const start of startsAfter(range.from, interval, zone)) {
    if (start >= range.to) break;
    // A skipped day begins where the next one does.
    if (start > (starts.at(-1) ?? 0)) starts.push(start);
  }
  return starts.length > max ? undefined : starts;
};

function* startsAfter(from: number, interval: Interval, zone: string): Generator<number> {
  if (interval === 'minute' || interval === 'hour') {
    yield* clockStarts(from, SHORTEST_MS[interval], zone);
    return;
  }
  const first = localTime(zone, from);
  const next: Record<'day' | 'week' | 'month', (count: number) => LocalDay> = {
    day: (count) => addDays(first, count),
    week: (count) => addDays(mondayOf(first), 7 * count),
    month: (count) => addMonths({ ...first, day: 1 }, count),
  };
  for (let count = 1; ; count++) yield startOfDay(zone, next[interval](count));
}

function* clockStarts(from: number, length: number, zone: string): Generator<number> {
  let at = from;
  let offset = offsetAt(zone, at);
  for (;;) {
    // A local time before 1970 is negative, and so would be its remainder.
    const into = (((at + offset) % length) + length) % length;
    const full = at - into + length;
    const offsetThen = offsetAt(zone, full);
    at = offsetThen === offset ? full : changeBetween(zone, at, full);
    offset = offsetThen;
    yield at;
  }
}

/** Runs of equally long steps: how a long list of moments travels in few numbers. `counts[i]` steps of `steps[i]` milliseconds follow the start. */
export interface Runs {
  readonly start: number;
  readonly counts: readonly number[];
  readonly steps: readonly number[];
}

/** The runs of ascending moments. */
export const toRuns = (moments: readonly number[]): Runs => {
  const counts: number[] = [];
  const steps: number[] = [];
  for (let at = 1; at < moments.length; at++) {
    const step = (moments[at] ?? 0) - (moments[at - 1] ?? 0);
    if (step === steps.at(-1)) counts[counts.length - 1] = (counts.at(-1) ?? 0) + 1;
    else {
      counts.push(1);
      steps.push(step);
    }
  }
  return { start: moments[0] ?? 0, counts, steps };
};
