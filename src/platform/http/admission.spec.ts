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

/** So many come in a second and one of them is served each so many milliseconds; the rest waits, or is refused.
 *  @returns the door's limit, and how many are in work at the end */
function underLoad(
  door: Admission,
  seconds: number,
  { perSecond, eachMs, start = 0 }: { perSecond: number; eachMs: number; start?: number },
): { limit: number; inWork: number } {
  const waiting: Place[] = [];
  let served = 0;
  let arrived = 0;
  for (let now = 10; now <= seconds * 1_000; now += 10) {
    for (; arrived < (now / 1_000) * perSecond; arrived += 1) {
      const place = come(door, start + now);
      if (typeof place !== 'string') waiting.push(place);
    }
    for (; served < now / eachMs; served += 1) waiting.shift()?.leave();
    if (now % 100 === 0) door.tick(start + now, 0);
  }
  const { limit, inWork } = door.standing('ingest');
  for (const place of waiting) place.leave();
  return { limit, inWork };
}

describe('the door', () => {
  it('lets in as many as may be in work, and the next one when one has gone', () => {
    const door = aDoor();
    const places = many(door, 200);
    expect(places).toHaveLength(100);
    expect(come(door)).toBe('requests');
    places[0]?.leave();
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

  it('lets in only what is served within the wait when one would wait longer for a second, and not before', () => {
    // 100 a second are served, so that 50 of them wait for half a second.
    const overload = { perSecond: 500, eachMs: 10 };
    expect(underLoad(aDoor(limits(500)), 1, overload).limit).toBe(500);
    const { limit, inWork } = underLoad(aDoor(limits(500)), 20, overload);
    expect(limit).toBeGreaterThan(40);
    expect(limit).toBeLessThan(80);
    expect(inWork).toBeLessThan(100);
  });

  it('lets in the least number however long they wait', () => {
    const { limit, inWork } = underLoad(aDoor(), 30, { perSecond: 50, eachMs: 1_000 });
    expect(limit).toBeLessThan(40);
    expect(inWork).toBeGreaterThanOrEqual(31);
  });

  it('does not take a slow machine with little to do for an overload', () => {
    const door = aDoor();
    for (let now = 0; now < 30_000; now += 1_000) {
      const places = many(door, 32, now);
      for (const place of places) place.leave();
      door.tick(now, 900);
    }
    expect(door.standing('ingest').limit).toBe(100);
  });

  it('does not take a burst for an overload', () => {
    const door = aDoor(limits(500));
    const places = many(door, 400);
    for (let now = 100; now <= 900; now += 100) {
      for (const place of places.splice(0, 40)) place.leave();
      door.tick(now, 0);
    }
    expect(door.standing('ingest').limit).toBe(500);
  });

  it('does not take a store that hangs for an overload: nobody was answered', () => {
    const door = aDoor();
    const places = many(door, 90);
    for (let now = 0; now < 8_000; now += 100) door.tick(now, 0);
    for (const place of places) place.leave();
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
    expect(underLoad(door, 20, { perSecond: 500, eachMs: 50 }).limit).toBeLessThan(40);
    expect(underLoad(door, 10, { perSecond: 10, eachMs: 50, start: 20_000 }).limit).toBe(500);
  });

  it('is never too slow for anybody where no wait is too long', () => {
    const door = aDoor(limits(100, { delayMs: 0 }));
    expect(underLoad(door, 30, { perSecond: 50, eachMs: 1_000 }).limit).toBe(100);
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
        place.leave();
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
          const entered = door.enter(share, `caller ${who % 3}`, now, () => (entered as Place).leave());
          if (typeof entered !== 'string') places.push(entered);
        } else if (what === 'receive' && place?.isWorking === false) place.receive(bytes);
        else if (what === 'work' && place?.isWorking === false) place.work(now);
        else if (what === 'leave') place?.leave();
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
      for (const place of places) place.leave();
      for (const share of ['ingest', 'reads'] as const)
        expect(door.standing(share)).toMatchObject({ inWork: 0, bytes: 0 });
      expect(door.bytes).toBe(0);
    }),
  );
});
