// Which whole local days, weeks or months does a range touch, and which lie before and after them? Pure.
import { bucketStarts } from '../../common/buckets';
import { DAY_MS, type TimeRange } from '../../common/time-range';
import { addDays, addMonths, localTime, mondayOf, startOfDay, type LocalDay } from '../../common/time-zone';
import { tooManyBuckets } from '../stats.errors';

/** Lengths of a period. Weeks begin on Monday. */
export const PERIOD_LENGTHS = ['day', 'week', 'month'] as const;
export type PeriodLength = (typeof PERIOD_LENGTHS)[number];

/** Periods of one answer at most: each stands in the question to the warehouse, whose text has an end. Five years of days. */
const MAX_PERIODS = 2_000;

/** Whole local periods, one after the other. */
export interface Periods {
  /** Their beginnings, milliseconds, and at last the end of the last one. */
  readonly starts: readonly number[];
  /** How many of them touch the range. */
  readonly rows: number;
}

/** A length that gives a range some 2 to 32 periods.
 *  @param range half-open; a month of days may be an hour longer than 31 of them */
export const periodLengthFor = ({ from, to }: TimeRange): PeriodLength => {
  const days = (to - from) / DAY_MS;
  if (days <= 32) return 'day';
  return days <= 190 ? 'week' : 'month';
};

/** No period is longer, with the changes of a clock. */
const LONGEST_MS: Record<PeriodLength, number> = { day: 1.1 * DAY_MS, week: 7.1 * DAY_MS, month: 31.1 * DAY_MS };

/** The whole periods that touch a range, with `before` more before them and `after` more after.
 *  @throws tooManyBuckets (400) */
export const periodsOf = (
  range: TimeRange,
  length: PeriodLength,
  zone: string,
  { before = 0, after = 0 } = {},
): Periods => {
  // One more than asked: where the clock was put back over midnight, the period that the clock shows has been over once already.
  const first = startOfDay(zone, earlier(localTime(zone, range.from), length, before + 1));
  const end = range.to + (after + 2) * LONGEST_MS[length] + 3 * DAY_MS;
  const all = bucketStarts({ from: first, to: end }, length, zone, MAX_PERIODS + before + after + 8);
  if (all === undefined) throw tooManyBuckets(length, MAX_PERIODS);
  const begin = all.findLastIndex((start) => start <= range.from);
  const rows = all.slice(begin).filter((start) => start < range.to).length;
  if (rows > MAX_PERIODS) throw tooManyBuckets(length, MAX_PERIODS);
  return { starts: all.slice(begin - before, begin + rows + after + 1), rows };
};

/** The first day of the period that lies so many before that of a day. */
const earlier = (day: LocalDay, length: PeriodLength, count: number): LocalDay => {
  if (length === 'day') return addDays(day, -count);
  if (length === 'week') return addDays(mondayOf(day), -7 * count);
  return addMonths({ ...day, day: 1 }, -count);
};

/** How far a stretch of time is over. `future`: it has not begun; `open`: it goes on; `complete`: nothing is added any more but late events. */
export const STATES = ['complete', 'open', 'future'] as const;
export type State = (typeof STATES)[number];

/** The state of [from, to) at a moment. */
export const stateAt = (now: number, { from, to }: TimeRange): State => {
  if (from > now) return 'future';
  return to > now ? 'open' : 'complete';
};
