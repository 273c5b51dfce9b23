// Do the buckets of a time series lie where the local clock has them?
import * as fc from 'fast-check';
import { bucketStarts, INTERVALS, toRuns, type Interval } from './buckets';
import { HOUR_MS } from './time-range';
import { isoInZone } from './time-zone';

const at = (iso: string): number => Date.parse(iso);
const starts = (zone: string, interval: Interval, from: string, to: string): string[] =>
  (bucketStarts({ from: at(from), to: at(to) }, interval, zone, 10_000) ?? []).map((start) => isoInZone(zone, start));

const ZONES = ['UTC', 'America/New_York', 'Asia/Kolkata', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia'];

it('gives a day of 23, 24 and 25 hours one bucket each', () => {
  expect(starts('America/New_York', 'day', '2026-03-07T05:00:00Z', '2026-03-10T04:00:00Z')).toEqual([
    '2026-03-07T00:00:00.000-05:00',
    '2026-03-08T00:00:00.000-05:00',
    '2026-03-09T00:00:00.000-04:00',
  ]);
});

it('leaves out a day that the calendar left out', () => {
  expect(starts('Pacific/Apia', 'day', '2011-12-29T10:00:00Z', '2012-01-01T10:00:00Z')).toEqual([
    '2011-12-29T00:00:00.000-10:00',
    '2011-12-31T00:00:00.000+14:00',
    '2012-01-01T00:00:00.000+14:00',
  ]);
});

it('gives an hour that comes twice two buckets', () => {
  expect(starts('America/New_York', 'hour', '2026-11-01T04:00:00Z', '2026-11-01T08:00:00Z')).toEqual([
    '2026-11-01T00:00:00.000-04:00',
    '2026-11-01T01:00:00.000-04:00',
    '2026-11-01T01:00:00.000-05:00',
    '2026-11-01T02:00:00.000-05:00',
  ]);
});

it('cuts an hour where the clock is put back by half an hour', () => {
  expect(starts('Australia/Lord_Howe', 'hour', '2026-04-04T14:00:00Z', '2026-04-04T16:30:00Z')).toEqual([
    '2026-04-05T01:00:00.000+11:00',
    '2026-04-05T01:30:00.000+10:30',
    '2026-04-05T02:00:00.000+10:30',
  ]);
  expect(starts('Australia/Lord_Howe', 'hour', '2026-10-03T14:30:00Z', '2026-10-03T17:00:00Z')).toEqual([
    '2026-10-04T01:00:00.000+10:30',
    '2026-10-04T02:30:00.000+11:00',
    '2026-10-04T03:00:00.000+11:00',
  ]);
});

it('clips the first bucket to the range, and begins weeks on Monday and months on the first', () => {
  expect(starts('Asia/Kathmandu', 'week', '2026-11-17T12:00:00Z', '2026-11-29T18:15:00Z')).toEqual([
    '2026-11-17T17:45:00.000+05:45',
    '2026-11-23T00:00:00.000+05:45',
  ]);
  expect(starts('UTC', 'month', '2026-01-31T00:00:00Z', '2026-04-01T00:00:00Z')).toEqual([
    '2026-01-31T00:00:00.000Z',
    '2026-02-01T00:00:00.000Z',
    '2026-03-01T00:00:00.000Z',
  ]);
});

it('has the range in buckets that ascend, and none outside it', () =>
  fc.assert(
    fc.property(
      fc.constantFrom(...ZONES),
      fc.constantFrom(...INTERVALS),
      fc.integer({ min: Date.UTC(2010, 0, 1), max: Date.UTC(2030, 0, 1) }),
      fc.integer({ min: 1, max: 60 * HOUR_MS }),
      (zone, interval, from, length) => {
        const found = bucketStarts({ from, to: from + length }, interval, zone, 10_000) ?? [];
        expect(found[0]).toBe(from);
        expect(found.every((start, index) => index === 0 || start > (found[index - 1] ?? 0))).toBe(true);
        expect(found.at(-1)).toBeLessThan(from + length);
      },
    ),
  ));

it('refuses more buckets than it was allowed, without making them', () => {
  const range = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 11) };
  expect(bucketStarts(range, 'day', 'UTC', 10)).toHaveLength(10);
  expect(bucketStarts(range, 'day', 'UTC', 9)).toBeUndefined();
  expect(bucketStarts({ from: 0, to: Date.UTC(9999, 0, 1) }, 'minute', 'UTC', 10_000)).toBeUndefined();
});

it('packs moments into runs that unpack to the same', () =>
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 30 }), (gaps) => {
      let last = 0;
      const moments = gaps.map((gap) => (last += gap));
      const { start, counts, steps } = toRuns(moments);
      let moment = start;
      const unpacked = [
        start,
        ...counts.flatMap((count, run) => Array.from({ length: count }, () => (moment += steps[run] ?? 0))),
      ];
      expect(unpacked).toEqual(moments);
    }),
  ));

it('needs a handful of numbers for a year of days', () => {
  const year =
    bucketStarts(
      { from: at('2026-01-01T05:00:00Z'), to: at('2027-01-01T05:00:00Z') },
      'day',
      'America/New_York',
      10_000,
    ) ?? [];
  expect(year).toHaveLength(365);
  expect(toRuns(year).counts).toEqual([66, 1, 237, 1, 59]);
});
