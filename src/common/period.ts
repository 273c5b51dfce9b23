// Which stretch of time does a request mean? From `period`, or `from` and `to`, in a zone, at a given moment. Pure: `now` is a value.
import { invalidInput, type FieldError } from './problem';
import { DAY_MS, type TimeRange } from './time-range';
import { addDays, addMonths, daysBetween, localTime, momentOfLocal, startOfDay, type LocalDay } from './time-zone';
import { isDate, isTimeZone, parseInstant } from './validation/texts';

/** Names of stretches that are counted from now. Each ends with the current local day, today included; `24h` ends now, `yesterday` with yesterday. */
export const PERIODS = ['today', 'yesterday', '24h', '7d', '30d', '90d', '12mo', 'month', 'year', 'all'] as const;

/** A stretch that is counted from now. */
export type Period = (typeof PERIODS)[number];

/** What a request says about its time, as it was sent. */
export interface RangeRequest {
  period?: string;
  /** `YYYY-MM-DD` (a local day) or a date-time with offset. */
  from?: string;
  /** A day is included, a date-time is not. */
  to?: string;
}

/** What stands around a request: its zone, the moment of asking, and for `all` the time of the project's first event (undefined: it has none). */
export interface RangeContext {
  readonly timezone: string;
  readonly now: number;
  readonly firstEventAt?: number;
}

const fault = (path: string, code: string, message: string): FieldError => ({ path, code, message });
const refuse = (...errors: FieldError[]): never => {
  throw invalidInput({ errors });
};

/** The zone that a request asked for, or the project's.
 *  @throws invalidInput when it is no IANA zone: never UTC instead */
export const resolveTimeZone = (asked: string | undefined, ofProject: string, path = 'timezone'): string => {
  const zone = asked ?? ofProject;
  if (!isTimeZone(zone))
    return refuse(fault(path, 'invalid_timezone', 'must be the name of an IANA time zone, for example Europe/Berlin'));
  return zone;
};

/** Whether the answer depends on when the project's first event was. */
export const needsFirstEvent = (request: RangeRequest): boolean => request.period === 'all';

/** The half-open range that a request means.
 *  @throws invalidInput when there is neither or both of `period` and `from`/`to`, when one can't be read, or when `from` is not before `to` */
export const resolveRange = (request: RangeRequest, context: RangeContext): TimeRange => {
  const { period, from, to } = request;
  if (period !== undefined) {
    if (from !== undefined || to !== undefined)
      return refuse(fault('period', 'ambiguous_range', 'must not be given together with from or to'));
    if (!(PERIODS as readonly string[]).includes(period))
      return refuse(fault('period', 'unknown_period', `must be one of ${PERIODS.join(', ')}`));
    return rangeOfPeriod(period as Period, context);
  }
  if (from === undefined && to === undefined)
    return refuse(fault('period', 'required', 'one of period, or from and to, is required'));
  if (from === undefined) return refuse(fault('from', 'required', 'is required together with to'));
  if (to === undefined) return refuse(fault('to', 'required', 'is required together with from'));
  return explicitRange(from, to, context.timezone, 'from', 'to');
};

/** The range that `compare` means: `previous` (as long, right before), `year` (a year earlier by the calendar), or `from..to`.
 *  Whole local days stay whole local days, however long these are.
 *  @throws invalidInput for anything else */
export const resolveComparison = (compare: string, range: TimeRange, timezone: string): TimeRange => {
  if (compare === 'previous') return previousRange(range, timezone);
  if (compare === 'year') return { from: yearEarlier(range.from, timezone), to: yearEarlier(range.to, timezone) };
  const parts = compare.split('..');
  if (parts.length !== 2 || parts[0] === undefined || parts[1] === undefined)
    return refuse(
      fault('compare', 'invalid_comparison', 'must be previous, year, or a range such as 2026-01-01..2026-01-31'),
    );
  return explicitRange(parts[0], parts[1], timezone, 'compare', 'compare');
};

const rangeOfPeriod = (period: Period, { timezone, now, firstEventAt }: RangeContext): TimeRange => {
  const today = localTime(timezone, now);
  const from = (day: LocalDay): number => startOfDay(timezone, day);
  const to = from(addDays(today, 1));
  switch (period) {
    case '24h':
      return { from: now - DAY_MS, to: now };
    case 'today':
      return { from: from(today), to };
    case 'yesterday':
      return { from: from(addDays(today, -1)), to: from(today) };
    case '7d':
      return { from: from(addDays(today, -6)), to };
    case '30d':
      return { from: from(addDays(today, -29)), to };
    case '90d':
      return { from: from(addDays(today, -89)), to };
    case 'month':
      return { from: from({ ...today, day: 1 }), to };
    case '12mo':
      return { from: from(addMonths({ ...today, day: 1 }, -11)), to };
    case 'year':
      return { from: from({ ...today, month: 1, day: 1 }), to };
    case 'all':
      return { from: from(localTime(timezone, Math.min(firstEventAt ?? now, now))), to };
  }
};

/** A `from` and a `to` as clients write them. @throws invalidInput */
const explicitRange = (from: string, to: string, zone: string, fromPath: string, toPath: string): TimeRange => {
  const range = { from: edge(from, zone, fromPath, 0), to: edge(to, zone, toPath, 1) };
  if (range.from >= range.to)
    return refuse(fault(fromPath, 'empty_range', `must be before ${toPath === fromPath ? 'its end' : toPath}`));
  return range;
};

const edge = (text: string, zone: string, path: string, daysAfter: 0 | 1): number => {
  if (isDate(text)) {
    const [year = 0, month = 0, day = 0] = text.split('-').map(Number);
    return startOfDay(zone, addDays({ year, month, day }, daysAfter));
  }
  return (
    parseInstant(text) ??
    refuse(fault(path, 'invalid_time', 'must be a day (2026-01-31) or a time with offset (2026-01-31T12:00:00.000Z)'))
  );
};

const previousRange = ({ from, to }: TimeRange, zone: string): TimeRange => {
  const first = localTime(zone, from);
  const last = localTime(zone, to);
  if (startOfDay(zone, first) !== from || startOfDay(zone, last) !== to) return { from: from - (to - from), to: from };
  return { from: startOfDay(zone, addDays(first, -daysBetween(first, last))), to: from };
};

const yearEarlier = (at: number, zone: string): number => {
  const local = localTime(zone, at);
  return momentOfLocal(zone, { ...local, ...addMonths(local, -12) });
};
