// Is the made-up traffic the same each time, valid, and shaped like real one?
import { validateEvent, type EventInput } from '../../events/event-input';
import { traffic } from './traffic';

const DAY_MS = 86_400_000;
const TO = Date.UTC(2026, 5, 30, 13, 30);
const all = (from: number, to: number): EventInput[] => [...traffic({ from, to, visitorsPerDay: 60 })];
const month = all(TO - 30 * DAY_MS, TO);
const named = (name: string): EventInput[] => month.filter((event) => event.name === name);

describe('the traffic of the demo', () => {
  it('is the same each time, and a later run has all of an earlier one', () => {
    expect(all(TO - 30 * DAY_MS, TO)).toEqual(month);
    const later = new Map(all(TO - 20 * DAY_MS, TO + DAY_MS).map((event) => [event.id, event]));
    const shared = month.filter(({ timestamp }) => Date.parse(String(timestamp)) >= TO - 20 * DAY_MS);
    expect(shared.map(({ id }) => later.get(id))).toEqual(shared);
  });

  it('lies in the range, with an id for each event', () => {
    const times = month.map(({ timestamp }) => Date.parse(String(timestamp)));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(TO - 30 * DAY_MS);
    expect(Math.max(...times)).toBeLessThan(TO);
    expect(new Set(month.map(({ id }) => id)).size).toBe(month.length);
  });

  it('is valid to the last event', () =>
    expect(month.map((event) => validateEvent(event).errors).filter((errors) => errors !== undefined)).toEqual([]));

  it('has days, nights and weekends', () => {
    const views = named('pageview').map(({ timestamp }) => new Date(String(timestamp)));
    const share = (test: (date: Date) => boolean): number => views.filter(test).length / views.length;
    expect(share((date) => date.getUTCHours() < 6)).toBeLessThan(0.2);
    expect(share((date) => [0, 6].includes(date.getUTCDay()))).toBeLessThan(2 / 7);
  });

  it('has visitors who come back, and who buy in two currencies', () => {
    const days = new Map<string, Set<string>>();
    for (const { visitorId = '', timestamp } of month)
      days.set(visitorId, (days.get(visitorId) ?? new Set()).add(String(timestamp).slice(0, 10)));
    const returning = [...days.values()].filter(({ size }) => size > 1).length;
    expect(returning / days.size).toBeGreaterThan(0.1);
    expect(new Set(named('purchase').map(({ revenue }) => revenue?.currency))).toEqual(new Set(['EUR', 'USD']));
    expect(named('signup').length).toBeGreaterThan(5);
    expect(named('pageview').length / days.size).toBeGreaterThan(1.5);
  });
});
