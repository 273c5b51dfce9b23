// What does the local clock of a zone show, and when does a local day begin? Calendar arithmetic over IANA zones, from Node's own tables.
// Pure and without a library: Intl knows every zone's offset at a moment, and the rest is here.
import { DAY_MS, HOUR_MS, MINUTE_MS } from './time-range';

/** What a local clock and calendar show. `month` and `day` count from 1. */
export interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly ms: number;
}

/** A local calendar day. */
export type LocalDay = Pick<LocalTime, 'year' | 'month' | 'day'>;

const formatters = new Map<string, Intl.DateTimeFormat>();

const formatter = (zone: string): Intl.DateTimeFormat => {
  let made = formatters.get(zone);
  if (made === undefined) {
    made = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    // Zones are few and names are checked; the bound is for callers that vary the case of a name.
    if (formatters.size >= 2_000) formatters.clear();
    formatters.set(zone, made);
  }
  return made;
};

/** Milliseconds since the epoch at which a clock in UTC shows this. Days and months may run over, as in Date.UTC. */
const utc = (year: number, month: number, day: number): number => {
  const date = new Date(0);
  // TRICKY: Date.UTC takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime();
};

/** What the zone's clock is ahead of UTC at a moment, in milliseconds. */
export const offsetAt = (zone: string, at: number): number => {
  const whole = Math.floor(at / 1_000) * 1_000;
  const part: Record<string, string> = {};
  for (const { type, value } of formatter(zone).formatToParts(whole)) part[type] = value;
  const year = part.era === 'BC' ? 1 - Number(part.year) : Number(part.year);
  return (
    utc(year, Number(part.month), Number(part.day)) +
    Number(part.hour) * HOUR_MS +
    Number(part.minute) * MINUTE_MS +
    Number(part.second) * 1_000 -
    whole
  );
};

/** What the zone's clock shows at a moment. */
export const localTime = (zone: string, at: number): LocalTime => {
  const local = new Date(at + offsetAt(zone, at));
  return {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth() + 1,
    day: local.getUTCDate(),
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    second: local.getUTCSeconds(),
    ms: local.getUTCMilliseconds(),
  };
};

/** The moment in (from, to] from which the offset is that of `to`. The offsets at both ends must differ; of several changes one is found. */
export const changeBetween = (zone: string, from: number, to: number): number => {
  const before = offsetAt(zone, from);
  let low = from;
  let high = to;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(zone, middle) === before) low = middle;
    else high = middle;
  }
  return high;
};

/** The first moment at which the clock shows `wall` (milliseconds, as if the zone were UTC) or later.
 *  Where the clock shows a time twice, the earlier one; where it skips it, the moment of the jump. */
const momentOf = (zone: string, wall: number): number => {
  // No offset exceeds 15 h; two changes of one zone lie further apart than this window.
  const start = wall - 16 * HOUR_MS;
  const end = wall + 16 * HOUR_MS;
  const before = offsetAt(zone, start);
  const after = offsetAt(zone, end);
  if (before === after) return wall - before;
  const change = changeBetween(zone, start, end);
  if (wall - before < change) return wall - before;
  return Math.max(wall - after, change);
};

/** The moment at which a local day begins: the first at which the clock shows its date; of a skipped day, the day after's. */
export const startOfDay = (zone: string, { year, month, day }: LocalDay): number =>
  momentOf(zone, utc(year, month, day));

/** The moment of a local date and time; skipped times move to the jump, repeated ones are the earlier. */
export const momentOfLocal = (zone: string, local: LocalTime): number =>
  momentOf(
    zone,
    utc(local.year, local.month, local.day) +
      local.hour * HOUR_MS +
      local.minute * MINUTE_MS +
      local.second * 1_000 +
      local.ms,
  );

/** A calendar day some days later (or earlier). */
export const addDays = ({ year, month, day }: LocalDay, days: number): LocalDay => {
  const date = new Date(utc(year, month, day + days));
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
};

/** The same day some months later (or earlier); the last of the month where that has fewer days. */
export const addMonths = ({ year, month, day }: LocalDay, months: number): LocalDay => {
  const first = new Date(utc(year, month + months, 1));
  const last = new Date(utc(first.getUTCFullYear(), first.getUTCMonth() + 2, 0)).getUTCDate();
  return { year: first.getUTCFullYear(), month: first.getUTCMonth() + 1, day: Math.min(day, last) };
};

/** Days from one calendar day to another. */
export const daysBetween = (from: LocalDay, to: LocalDay): number =>
  Math.round((utc(to.year, to.month, to.day) - utc(from.year, from.month, from.day)) / DAY_MS);

/** The Monday of a day's week. */
export const mondayOf = (day: LocalDay): LocalDay => {
  const weekday = new Date(utc(day.year, day.month, day.day)).getUTCDay();
  return addDays(day, -((weekday + 6) % 7));
};

const two = (value: number): string => String(value).padStart(2, '0');

/** ISO 8601 with the zone's offset at that moment, milliseconds kept: `2026-03-08T00:00:00.000-05:00`; `Z` where the zone is UTC. */
export const isoInZone = (zone: string, at: number): string => {
  const offset = offsetAt(zone, at);
  const local = new Date(at + offset).toISOString().slice(0, -1);
  if (offset === 0) return `${local}Z`;
  // TRICKY: before 1972 some offsets had seconds; ISO has no place for them, so these are cut.
  const minutes = Math.floor(Math.abs(offset) / MINUTE_MS);
  return `${local}${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
};
