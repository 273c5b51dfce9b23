// Which range does a request mean, in each zone, at each moment, and what is refused?
import { Problem } from './problem';
import { PERIODS, resolveComparison, resolveRange, resolveTimeZone, type RangeRequest } from './period';
import { isoInZone } from './time-zone';

const at = (iso: string): number => Date.parse(iso);
/** Half past one in the repeated hour of New York, the second time: Sunday, 1 November 2026. */
const NOW = at('2026-11-01T06:30:00.123Z');
const context = { timezone: 'America/New_York', now: NOW, firstEventAt: at('2026-10-30T22:00:00Z') };

const shown = ({ from, to }: { from: number; to: number }, zone = context.timezone): string =>
  `${isoInZone(zone, from)} ${isoInZone(zone, to)}`;

const faults = (act: () => unknown): string[] => {
  try {
    act();
  } catch (error) {
    if (error instanceof Problem) return (error.extra.errors ?? []).map(({ path, code }) => `${path} ${code}`);
    throw error;
  }
  return [];
};

it.each([
  ['today', '2026-11-01T00:00:00.000-04:00 2026-11-02T00:00:00.000-05:00'],
  ['yesterday', '2026-10-31T00:00:00.000-04:00 2026-11-01T00:00:00.000-04:00'],
  ['24h', '2026-10-31T02:30:00.123-04:00 2026-11-01T01:30:00.123-05:00'],
  ['7d', '2026-10-26T00:00:00.000-04:00 2026-11-02T00:00:00.000-05:00'],
  ['30d', '2026-10-03T00:00:00.000-04:00 2026-11-02T00:00:00.000-05:00'],
  ['90d', '2026-08-04T00:00:00.000-04:00 2026-11-02T00:00:00.000-05:00'],
  ['month', '2026-11-01T00:00:00.000-04:00 2026-11-02T00:00:00.000-05:00'],
  ['12mo', '2025-12-01T00:00:00.000-05:00 2026-11-02T00:00:00.000-05:00'],
  ['year', '2026-01-01T00:00:00.000-05:00 2026-11-02T00:00:00.000-05:00'],
  ['all', '2026-10-30T00:00:00.000-04:00 2026-11-02T00:00:00.000-05:00'],
])('reads the period %s as %s', (period, expected) => {
  expect(shown(resolveRange({ period }, context))).toBe(expected);
});

it('has a test for every period', () => {
  expect(PERIODS).toHaveLength(10);
});

it('takes a project without events for one whose first event is now', () => {
  const { timezone, now } = context;
  expect(resolveRange({ period: 'all' }, { timezone, now })).toEqual(resolveRange({ period: 'today' }, context));
});

it.each<[RangeRequest, string]>([
  [{ from: '2026-11-01', to: '2026-11-01' }, '2026-11-01T00:00:00.000-04:00 2026-11-02T00:00:00.000-05:00'],
  [
    { from: '2026-11-01T00:00:00Z', to: '2026-11-02T00:00:00+05:45' },
    '2026-10-31T20:00:00.000-04:00 2026-11-01T13:15:00.000-05:00',
  ],
  [
    { from: '2026-10-31', to: '2026-10-31T12:00:00.001Z' },
    '2026-10-31T00:00:00.000-04:00 2026-10-31T08:00:00.001-04:00',
  ],
])('reads %j as %s', (request, expected) => {
  expect(shown(resolveRange(request, context))).toBe(expected);
});

it.each<[RangeRequest, string[]]>([
  [{}, ['period required']],
  [{ from: '2026-01-01' }, ['to required']],
  [{ to: '2026-01-01' }, ['from required']],
  [{ period: '7d', from: '2026-01-01', to: '2026-01-02' }, ['period ambiguous_range']],
  [{ period: '8d' }, ['period unknown_period']],
  [{ from: '2026-02-30', to: '2026-03-01' }, ['from invalid_time']],
  [{ from: '2026-02-28', to: '2026-02-30T00:00:00Z' }, ['to invalid_time']],
  [{ from: '2026-02-28', to: '2026-03-01T00:00:00' }, ['to invalid_time']],
  [{ from: 'yesterday', to: 'today' }, ['from invalid_time']],
  [{ from: '2026-01-02', to: '2026-01-01' }, ['from empty_range']],
  [{ from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' }, ['from empty_range']],
])('refuses %j', (request, expected) => {
  expect(faults(() => resolveRange(request, context))).toEqual(expected);
});

it('refuses a day that the zone left out of its calendar', () => {
  expect(
    faults(() => resolveRange({ from: '2011-12-30', to: '2011-12-30' }, { ...context, timezone: 'Pacific/Apia' })),
  ).toEqual(['from empty_range']);
});

it('takes any day of the years 1 to 9999', () => {
  const range = resolveRange({ from: '0001-01-01', to: '9999-12-31' }, { ...context, timezone: 'UTC' });
  expect(range.to - range.from).toBe(3_652_059 * 86_400_000);
});

it('compares whole days with as many whole days, whatever their length', () => {
  const days = resolveRange({ from: '2026-11-01', to: '2026-11-02' }, context);
  expect(shown(resolveComparison('previous', days, context.timezone))).toBe(
    '2026-10-30T00:00:00.000-04:00 2026-11-01T00:00:00.000-04:00',
  );
  const hours = resolveRange({ from: '2026-11-01T12:00:00Z', to: '2026-11-01T18:00:00Z' }, context);
  expect(shown(resolveComparison('previous', hours, context.timezone), 'UTC')).toBe(
    '2026-11-01T06:00:00.000Z 2026-11-01T12:00:00.000Z',
  );
});

it('compares with a year earlier by the calendar', () => {
  const range = resolveRange({ from: '2028-02-29', to: '2028-03-31' }, context);
  expect(shown(resolveComparison('year', range, context.timezone))).toBe(
    '2027-02-28T00:00:00.000-05:00 2027-04-01T00:00:00.000-04:00',
  );
});

it('compares with a range that is spelled out, and refuses what is none', () => {
  const range = resolveRange({ period: 'today' }, context);
  expect(shown(resolveComparison('2026-01-01..2026-01-31', range, context.timezone))).toBe(
    '2026-01-01T00:00:00.000-05:00 2026-02-01T00:00:00.000-05:00',
  );
  for (const wrong of ['', 'last', '2026-01-01', 'a..b', '2026-02-01..2026-01-01', '1..2..3'])
    expect(faults(() => resolveComparison(wrong, range, context.timezone))[0]).toMatch(/^compare /);
});

it('takes the project’s zone where none is asked for, and never another for a wrong one', () => {
  expect(resolveTimeZone(undefined, 'Asia/Kathmandu')).toBe('Asia/Kathmandu');
  expect(resolveTimeZone('Europe/Berlin', 'Asia/Kathmandu')).toBe('Europe/Berlin');
  for (const wrong of ['', 'Mars/Olympus', '+02:00', 'UTC+2', '../etc'])
    expect(faults(() => resolveTimeZone(wrong, 'UTC'))).toEqual(['timezone invalid_timezone']);
});
