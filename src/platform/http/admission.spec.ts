// Is everybody let in whom the server can serve, and nobody beyond that, in any order of coming, waiting and going?
import fc from 'fast-check';
import { Admission, type Place, type RefusalReason } from './admission';

const KB = 1_024;
const limits = (requests: number, over: Partial<{ delayMs: number; bytes: number }> = {}) => ({
  requests,
  delayMs: over.delayMs ?? 500,
  bytes: over.bytes ?? 1_024 * KB,
});
const aDoor = (ingest = limits(100), reads = limits(50)): Admission => new Admission({ ingest, reads });

const nothing = (): void => undefined;
/** Comes with a complete body. */
const come = (door: Admission, now = 0, bytes = 0, caller = 'one'): Place | RefusalReason => {
  const place = door.enter('ingest', caller, now, nothing);
  if (typeof place === 'string') return place;
  if (bytes > 0) place.receive(bytes);
  place.work(now);
  return place;
};
const many = (door: Admission, count: number, now = 0, bytes = 0): Place[] =>
  Array.from({ length: count }, () => come(door, now, bytes)).filter((place) => typeof place !== 'string');

/** Half the capacity is free at each moment, but each request waits so long. @returns the limit at the end */
function underLoad(door: Admission, seconds: number, waitMs: number, inWork = 100): number {
  for (let now = 0; now < seconds * 1_000; now += 100) {
    const places = many(door, inWork, now);
    for (const place of places) place.leave(now + waitMs, true);
    door.tick(now + 100, 0);
  }
  return door.standing('ingest').limit;
}

describe('the door', () => {
  it('lets in as many as may be in work, and the next one when one has gone', () => {
    const door = aDoor();
    const places = many(door, 200);
    expect(places).toHaveLength(100);
    expect(come(door)).toBe('requests');
    places[0]?.leave(1, true);
    expect(typeof come(door)).toBe('object');
  });

  it('keeps events and questions apart', () => {
    const door = aDoor();
    many(door, 200);
    expect(typeof door.enter('reads', 'one', 0, nothing)).toBe('object');
  });

  it('keeps places for callers who have nothing in work', () => {
    const door = aDoor();
    many(door, 200);
    const place = come(door, 0, 0, 'another');
    expect(typeof place).toBe('object');
    expect(come(door, 0, 0, 'another')).toBe('requests');
    // As many as that, not as many as there are callers.
    const others = Array.from({ length: 100 }, (_, at) => come(door, 0, 0, `caller ${at}`));
    expect(others.filter((one) => one === 'requests')).toHaveLength(100 - 31);
  });

  it('lets in fewer when waits have been too long for a second, and not before', () => {
    expect(underLoad(aDoor(), 0.9, 900)).toBe(100);
    const limit = underLoad(aDoor(), 2, 900);
    expect(limit).toBeLessThan(70);
    expect(limit).toBeGreaterThanOrEqual(32);
  });

  it('lets in the least number however long they wait', () => {
    const door = aDoor();
    const limit = underLoad(door, 30, 60_000, 40);
    // Now and then it tries whether two more will do.
    expect([32, 34]).toContain(limit);
    expect(many(door, 100)).toHaveLength(limit);
    expect(come(door)).toBe('delay');
  });

  it('does not take a slow machine with little to do for an overload', () => {
    expect(underLoad(aDoor(), 30, 60_000, 32)).toBe(100);
  });

  it('does not take a store that hangs for an overload: nobody was answered', () => {
    const door = aDoor();
    const places = many(door, 90);
    for (let now = 0; now < 8_000; now += 100) door.tick(now, 0);
    for (const place of places) place.leave(8_000, true);
    door.tick(8_100, 0);
    expect(door.standing('ingest').limit).toBe(100);
  });

  it('takes an event loop that is late for a wait', () => {
    const door = aDoor();
    many(door, 90);
    for (let now = 0; now < 3_000; now += 600) door.tick(now, 600);
    expect(door.standing('ingest').limit).toBeLessThan(90);
  });

  it('lets in as many as ever within ten seconds after an overload', () => {
    const door = aDoor(limits(500));
    underLoad(door, 30, 5_000, 500);
    expect(door.standing('ingest').limit).toBeLessThan(40);
    expect(underLoad(door, 10, 10, 5)).toBe(500);
  });

  it('is never too slow for anybody where no wait is too long', () => {
    expect(underLoad(aDoor(limits(100, { delayMs: 0 })), 30, 60_000)).toBe(100);
  });
});

describe('bodies', () => {
  it('beyond their limit leave room for the least number only', () => {
    const door = aDoor(limits(100, { bytes: 100 * KB }));
    expect(many(door, 100, 0, 10 * KB)).toHaveLength(32);
    expect(come(door)).toBe('bytes');
  });

  it('beyond eight times their limit leave room for nobody', () => {
    const door = aDoor(limits(100, { bytes: 100 * KB }));
    expect(many(door, 8, 0, 100 * KB)).toHaveLength(8);
    expect(come(door)).toBe('bytes');
  });

  it('that come slowly keep nobody out', () => {
    const door = aDoor();
    const places = Array.from({ length: 100 }, () => door.enter('ingest', 'one', 0, nothing) as Place);
    for (const place of places) place.receive(KB);
    expect(door.enter('ingest', 'one', 0, nothing)).toBe('requests');
    door.tick(1_100, 0);
    expect(door.standing('ingest')).toMatchObject({ inWork: 0, bytes: 0 });
    expect(many(door, 100, 1_200)).toHaveLength(100);
    // When they are complete at last, there is no more room than for others.
    expect(places[0]?.work(1_300)).toBe('requests');
  });

  it('that have been coming for longest are given up when memory is short', () => {
    const door = aDoor(limits(100, { bytes: 100 * KB }));
    const given: string[] = [];
    const from = (name: string, now: number): Place => {
      const place = door.enter('ingest', name, now, () => {
        given.push(name);
        place.leave(now, false);
      }) as Place;
      return place;
    };
    const [first, second] = [from('first', 0), from('second', 500)];
    first.receive(500 * KB);
    door.tick(1_200, 0);
    second.receive(300 * KB);
    expect(given).toEqual([]);
    second.receive(KB);
    expect(given).toEqual(['first']);
    expect(door.bytes).toBe(301 * KB);
  });
});

it('holds nothing when all have gone, whatever happened before', () => {
  const step = fc.record({
    what: fc.constantFrom('enter', 'receive', 'work', 'leave', 'tick'),
    who: fc.nat(20),
    bytes: fc.nat(200 * KB),
    share: fc.constantFrom('ingest' as const, 'reads' as const),
    later: fc.nat(1_500),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const door = aDoor(limits(10, { bytes: 300 * KB }), limits(5));
      const places: Place[] = [];
      let now = 0;
      for (const { what, who, bytes, share, later } of steps) {
        now += later;
        const place = places[who % Math.max(1, places.length)];
        if (what === 'enter') {
          const entered = door.enter(share, `caller ${who % 3}`, now, () => (entered as Place).leave(now, false));
          if (typeof entered !== 'string') places.push(entered);
        } else if (what === 'receive' && place?.isWorking === false) place.receive(bytes);
        else if (what === 'work' && place?.isWorking === false) place.work(now);
        else if (what === 'leave') place?.leave(now, bytes % 2 === 0);
        else door.tick(now, bytes % 300);
        for (const [name, most] of [
          ['ingest', 20],
          ['reads', 10],
        ] as const) {
          const { inWork } = door.standing(name);
          expect(inWork).toBeGreaterThanOrEqual(0);
          expect(inWork).toBeLessThanOrEqual(most);
        }
      }
      for (const place of places) place.leave(now, false);
      for (const share of ['ingest', 'reads'] as const)
        expect(door.standing(share)).toMatchObject({ inWork: 0, bytes: 0 });
      expect(door.bytes).toBe(0);
    }),
  );
});
