// Do local clocks and calendars come out right, where the clock is put forward, back, or a day is left out?
import * as fc from 'fast-check';
import { DAY_MS, HOUR_MS } from './time-range';
import {
  addDays,
  addMonths,
  daysBetween,
  isoInZone,
  localTime,
  momentOfLocal,
  mondayOf,
  offsetAt,
  startOfDay,
} from './time-zone';

const at = (iso: string): number => Date.parse(iso);
const day = (text: string) => {
  const [year = 0, month = 0, dayOfMonth = 0] = text.split('-').map(Number);
  return { year, month, day: dayOfMonth };
};

const ZONES = [
  'UTC',
  'America/New_York',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'America/Sao_Paulo',
  'America/Havana',
  'Africa/Cairo',
];
const moments = fc.integer({ min: Date.UTC(1975, 0, 1), max: Date.UTC(2040, 0, 1) });

it.each([
  ['America/New_York', '2026-03-07', '2026-03-07T05:00:00Z', 24],
  ['America/New_York', '2026-03-08', '2026-03-08T05:00:00Z', 23],
  ['America/New_York', '2026-11-01', '2026-11-01T04:00:00Z', 25],
  ['Asia/Kolkata', '2026-05-10', '2026-05-09T18:30:00Z', 24],
  ['Asia/Kathmandu', '2026-05-10', '2026-05-09T18:15:00Z', 24],
  ['Australia/Lord_Howe', '2026-04-05', '2026-04-04T13:00:00Z', 24.5],
  ['Australia/Lord_Howe', '2026-10-04', '2026-10-03T13:30:00Z', 23.5],
  // Summer time begins at midnight: the day begins at one o'clock.
  ['America/Havana', '2026-03-08', '2026-03-08T05:00:00Z', 23],
  ['Pacific/Apia', '2011-12-29', '2011-12-29T10:00:00Z', 24],
  // Left out of the calendar: it begins with the day after, and has no length.
  ['Pacific/Apia', '2011-12-30', '2011-12-30T10:00:00Z', 0],
  ['Pacific/Apia', '2011-12-31', '2011-12-30T10:00:00Z', 24],
])('begins the day of %s on %s at %s and gives it %d hours', (zone, text, start, hours) => {
  expect(startOfDay(zone, day(text))).toBe(at(start));
  expect(startOfDay(zone, addDays(day(text), 1)) - startOfDay(zone, day(text))).toBe(hours * HOUR_MS);
});

it('begins a day at the first moment of its date, in every zone', () =>
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), moments, (zone, moment) => {
      const local = localTime(zone, moment);
      const start = startOfDay(zone, local);
      const shown = localTime(zone, start);
      expect([shown.year, shown.month, shown.day]).toEqual([local.year, local.month, local.day]);
      expect(start).toBeLessThanOrEqual(moment);
      expect(daysBetween(localTime(zone, start - 1), local)).toBeGreaterThan(0);
    }),
  ));

it('finds the moment of what a clock shows, or an earlier one of the same look', () =>
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), moments, (zone, moment) => {
      const found = momentOfLocal(zone, localTime(zone, moment));
      expect(localTime(zone, found)).toEqual(localTime(zone, moment));
      expect(found).toBeLessThanOrEqual(moment);
    }),
  ));

it('writes a moment so that it reads as the same moment', () =>
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), moments, (zone, moment) => {
      expect(at(isoInZone(zone, moment))).toBe(moment);
    }),
  ));

it('writes the offset of the moment, not of the day', () => {
  expect(isoInZone('America/New_York', at('2026-11-01T05:30:00Z'))).toBe('2026-11-01T01:30:00.000-04:00');
  expect(isoInZone('America/New_York', at('2026-11-01T06:30:00Z'))).toBe('2026-11-01T01:30:00.000-05:00');
  expect(isoInZone('Asia/Kathmandu', at('2026-11-01T00:00:00.007Z'))).toBe('2026-11-01T05:45:00.007+05:45');
  expect(isoInZone('UTC', 0)).toBe('1970-01-01T00:00:00.000Z');
});

it('knows offsets of half hours that last half a year', () => {
  expect(offsetAt('Australia/Lord_Howe', at('2026-04-04T14:59:59Z'))).toBe(11 * HOUR_MS);
  expect(offsetAt('Australia/Lord_Howe', at('2026-04-04T15:00:00Z'))).toBe(10.5 * HOUR_MS);
});

it('keeps to the end of shorter months', () => {
  expect(addMonths(day('2026-01-31'), 1)).toEqual(day('2026-02-28'));
  expect(addMonths(day('2028-02-29'), -12)).toEqual(day('2027-02-28'));
  expect(addMonths(day('2026-01-15'), -1)).toEqual(day('2025-12-15'));
});

it('begins weeks on Monday', () => {
  expect(mondayOf(day('2026-11-22'))).toEqual(day('2026-11-16'));
  expect(mondayOf(day('2026-11-16'))).toEqual(day('2026-11-16'));
});

it('counts days of the calendar, not of hours', () =>
  fc.assert(
    fc.property(moments, fc.integer({ min: -4_000, max: 4_000 }), (moment, days) => {
      const from = localTime('UTC', Math.floor(moment / DAY_MS) * DAY_MS);
      expect(daysBetween(from, addDays(from, days))).toBe(days);
    }),
  ));
