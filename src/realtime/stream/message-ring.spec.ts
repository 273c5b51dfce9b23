import fc from 'fast-check';
import { MessageRing } from './message-ring';

const limits = { keptMs: 1_000, keptBytes: 10_000, keptBytesOfProcess: 15_000 };
const push = (ring: MessageRing, at: number, size = 1) =>
  ring.push({ kind: 'event', data: 'x'.repeat(size), at, id: `${ring.last + 1}`, name: 'a' });

describe('what is kept of a stream', () => {
  it('is every message after a number, in order, as long as it says that it holds them', () =>
    fc.assert(
      fc.property(
        fc.array(fc.record({ wait: fc.nat(400), size: fc.nat(3_000) }), { maxLength: 60 }),
        fc.nat(60),
        fc.integer({ min: 1, max: 5_000 }),
        (steps, from, slice) => {
          const ring = new MessageRing(limits, { bytes: 0 });
          let now = 0;
          for (const { wait, size } of steps) push(ring, (now += wait), size);
          if (!ring.holdsAfter(from)) return;
          const numbers: number[] = [];
          for (let at = from; ;) {
            const messages = ring.after(at, slice);
            if (messages.length === 0) break;
            numbers.push(...messages.map(({ number }) => number));
            at = numbers.at(-1)!;
          }
          expect(numbers).toEqual(Array.from({ length: ring.last - from }, (_, at) => from + at + 1));
        },
      ),
    ));

  it('is bounded by age and by bytes, of all rings together too', () => {
    const shared = { bytes: 0 };
    const [one, other] = [new MessageRing(limits, shared), new MessageRing(limits, shared)];
    for (let at = 0; at < 100; at += 1) {
      push(one, at, 500);
      push(other, at, 500);
      expect(shared.bytes).toBeLessThanOrEqual(limits.keptBytesOfProcess);
    }
    expect(one.holdsAfter(0)).toBe(false);
    expect(one.holdsAfter(99)).toBe(true);
    one.trim(2_000);
    expect(one.holdsAfter(99)).toBe(false);
    expect(one.holdsAfter(100)).toBe(true);
    expect(one.hasEvent('100')).toBe(false);
    other.clear();
    expect(shared.bytes).toBe(0);
  });

  it('takes back what is chosen, and keeps the numbers', () => {
    const shared = { bytes: 0 };
    const ring = new MessageRing(limits, shared);
    for (let at = 0; at < 4; at += 1) push(ring, at, 100);
    const bytes = shared.bytes;
    ring.forget(({ number }) => number === 2);
    expect(ring.after(0, 10_000).map(({ number, gone }) => [number, gone === true])).toEqual([
      [1, false],
      [2, true],
      [3, false],
      [4, false],
    ]);
    expect([ring.hasEvent('2'), ring.hasEvent('3'), bytes - shared.bytes]).toEqual([false, true, 100]);
  });

  it('knows the events that it keeps, and no number that it never gave', () => {
    const ring = new MessageRing(limits, { bytes: 0 });
    push(ring, 0);
    expect([ring.hasEvent('1'), ring.hasEvent('2')]).toEqual([true, false]);
    expect([ring.holdsAfter(0), ring.holdsAfter(1), ring.holdsAfter(2)]).toEqual([true, true, false]);
  });
});
