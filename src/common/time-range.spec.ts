// Does the arithmetic of ranges agree with what it says of each single moment?
import * as fc from 'fast-check';
import { coalesce, shared, type TimeRange, without } from './time-range';

const MOMENTS = Array.from({ length: 24 }, (_, at) => at);
const range = (): fc.Arbitrary<TimeRange> =>
  fc.tuple(fc.integer({ min: 0, max: 24 }), fc.integer({ min: 0, max: 24 })).map(([from, to]) => ({ from, to }));
const held = (ranges: readonly TimeRange[]): number[] =>
  MOMENTS.filter((at) => ranges.some(({ from, to }) => from <= at && at < to));

it('holds the same moments in ranges that neither touch nor are empty', () =>
  fc.assert(
    fc.property(fc.array(range(), { maxLength: 8 }), (ranges) => {
      const made = coalesce(ranges);
      expect(held(made)).toEqual(held(ranges));
      made.forEach(({ from, to }, at) => expect(from < to && (made[at + 1]?.from ?? Infinity) > to).toBe(true));
    }),
  ));

it('leaves of a range what is in no other', () =>
  fc.assert(
    fc.property(range(), fc.array(range(), { maxLength: 8 }), (whole, others) => {
      const taken = held(others);
      expect(held(without([whole], others))).toEqual(held([whole]).filter((at) => !taken.includes(at)));
    }),
  ));

it('shares the moments that both hold, and nothing where there are none', () =>
  fc.assert(
    fc.property(range(), range(), (one, other) => {
      const both = shared(one, other);
      expect(both === undefined ? [] : held([both])).toEqual(held([one]).filter((at) => held([other]).includes(at)));
    }),
  ));
