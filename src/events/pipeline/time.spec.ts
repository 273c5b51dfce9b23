// Does every event get the time that the contract gives it?
import * as fc from 'fast-check';
import { ingestEvent } from './pipeline';
import { flagBits } from './event-row';
import { toClickHouseTime, utcDay } from './time';
import { accepted, aContext, anEvent, NOON } from './world.fixture';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A version 7 id of a time. */
const idAt = (time: number): string => {
  const hex = time.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7c3e-9d0a-2f6b1f0c9a11`;
};

const facts = (own: Parameters<typeof accepted>[0], context: Parameters<typeof accepted>[1] = {}) => {
  const { row, keyStable, warnings } = accepted(own, context);
  return {
    fromNoon: row.ts - NOON,
    keyStable,
    setByServer: (row.flags & flagBits.serverTime) !== 0,
    warnings: warnings.map(({ code }) => code),
  };
};

const kept = { keyStable: true, setByServer: false, warnings: [] };
const set = { keyStable: false, setByServer: true, warnings: [] };

describe('an event’s time', () => {
  it('is its own, whatever its form', () => {
    expect(facts({ timestamp: NOON - HOUR })).toEqual({ fromNoon: -HOUR, ...kept });
    expect(facts({ timestamp: '2026-03-10T12:30:00.250+01:00' })).toEqual({ fromNoon: -HOUR / 2 + 250, ...kept });
    expect(facts({ timestamp: '2026-03-10 11:30:00.123456789Z' })).toEqual({ fromNoon: -HOUR / 2 + 123, ...kept });
    expect(facts({ timestamp: '2026-03-10T06:30-0530' })).toEqual({ fromNoon: 0, ...kept });
  });

  it('reads what toISOString writes exactly', () =>
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(1971, 0, 1), max: NOON }), (time) => {
        expect(accepted({ timestamp: new Date(time).toISOString() }).row.ts).toBe(time);
      }),
    ));

  it('is its version 7 id’s where it has none, and that is stable', () => {
    expect(facts({ id: idAt(NOON - 1_234) })).toEqual({ fromNoon: -1_234, ...kept });
  });

  it('is the arrival’s with another id, with none, or with an id of before 1971', () => {
    expect(facts({})).toEqual({ fromNoon: 0, ...set });
    expect(facts({ id: '3f1b0c9a-1111-4c3e-9d0a-2f6b1f0c9a11' })).toEqual({ fromNoon: 0, ...set });
    expect(facts({ id: idAt(5) })).toEqual({ fromNoon: 0, ...set });
  });

  it.each([
    [MINUTE, 0, kept],
    [MINUTE + 1, MINUTE + 1, set],
    [-MINUTE, 0, kept],
    [-MINUTE - 1, -MINUTE - 1, set],
    [0, 0, kept],
  ])('is corrected only by a clock error of more than a minute: %i ms', (errorMs, moved, how) => {
    expect(facts({ timestamp: NOON - HOUR }, { sentAt: NOON - errorMs })).toEqual({ fromNoon: moved - HOUR, ...how });
  });

  it('is not corrected where it is not the sender’s own', () => {
    expect(facts({ id: idAt(NOON - HOUR) }, { sentAt: NOON - 5 * MINUTE })).toEqual({ fromNoon: -HOUR, ...kept });
    expect(facts({}, { sentAt: NOON - 5 * MINUTE })).toEqual({ fromNoon: 0, ...set });
  });

  it('may lie up to an hour ahead, and is the arrival’s beyond, with a warning', () => {
    const early = { fromNoon: 0, keyStable: false, setByServer: true, warnings: ['timestamp_in_future'] };
    expect(facts({ timestamp: NOON + HOUR })).toEqual({ fromNoon: HOUR, ...kept });
    expect(facts({ timestamp: NOON + HOUR + 1 })).toEqual(early);
    expect(facts({ id: idAt(NOON + HOUR + 1) })).toEqual(early);
    expect(facts({ timestamp: '2261-12-31T23:59:59.999Z' })).toEqual(early);
  });

  it('is judged after its correction', () => {
    const twoHoursFast = { sentAt: NOON + 2 * HOUR };
    expect(facts({ timestamp: NOON + 2 * HOUR - 10 }, twoHoursFast)).toEqual({ fromNoon: -10, ...set });
  });

  it('is rejected before the project’s retention, the first kept moment included', () => {
    const context = aContext({ retainedFrom: NOON - HOUR });
    expect(ingestEvent(anEvent({ timestamp: NOON - HOUR }), context).kind).toBe('event');
    expect(ingestEvent(anEvent({ timestamp: NOON - HOUR - 1 }), context)).toMatchObject({
      kind: 'rejected',
      code: 'timestamp_before_retention',
      errors: [{ path: 'timestamp', code: 'timestamp_before_retention' }],
    });
    expect(ingestEvent(anEvent({ id: idAt(NOON - 2 * HOUR) }), context)).toMatchObject({ errors: [{ path: 'id' }] });
  });

  it('never leaves the range that is kept, however wrong the sender’s clock is', () => {
    const outcome = ingestEvent(
      anEvent({ timestamp: '1971-01-01T00:00:00Z' }),
      aContext({ sentAt: NOON + 9_000 * HOUR }),
    );
    expect(outcome).toMatchObject({ kind: 'rejected', code: 'timestamp_before_retention' });
  });
});

describe('toClickHouseTime', () => {
  it('writes what toISOString writes, in the warehouse’s form', () =>
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2299, 0, 1) }), (time) => {
        expect(toClickHouseTime(time)).toBe(new Date(time).toISOString().replace('T', ' ').replace('Z', ''));
        expect(utcDay(time)).toBe(new Date(time).toISOString().slice(0, 10));
      }),
    ));
});
