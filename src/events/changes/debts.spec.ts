import * as fc from 'fast-check';
import { DAY_MS, QUARTER_MS } from '../../common/time-range';
import { cellOf, cellsAroundGone, FINE_MS, quarterOf } from './cells';
import { Debts } from './debts';

const moment = () => fc.integer({ min: 0, max: Date.UTC(2149, 0, 1) });

describe('what is owed', () => {
  it('is never less than what was added, and never more than a few thousand ranges', () =>
    fc.assert(
      fc.property(
        fc.array(moment(), { minLength: 1, maxLength: 200 }),
        fc.constantFrom(QUARTER_MS, DAY_MS),
        fc.integer({ min: 1, max: 40 }),
        (starts, step, repeat) => {
          const debts = new Debts();
          const added = starts.flatMap((at) => Array.from({ length: repeat }, (_, n) => quarterOf(at + n * step)));
          for (const range of added) debts.add({ project: 7, ...range });
          const owed = debts.all();
          expect(owed.length).toBeLessThanOrEqual(2_000);
          for (const { from, to } of added)
            expect(owed.some((range) => range.project === 7 && range.from <= from && range.to >= to)).toBe(true);
        },
      ),
      { numRuns: 30 },
    ));

  it('is kept in its own grain as long as it is little', () => {
    const debts = new Debts();
    for (let at = 0; at < 3; at += 1) debts.add({ project: 7, ...quarterOf(at * QUARTER_MS) });
    debts.add({ project: 7, ...quarterOf(0) });
    expect([debts.all().length, debts.projects, debts.has(8)]).toEqual([3, [7], false]);
  });
});

describe('a change', () => {
  it('makes the quarter hour or the day around it stale', () =>
    fc.assert(
      fc.property(moment(), moment(), (at, closing) => {
        const { from, to } = cellOf(at, closing);
        expect([from <= at && at < to, to - from]).toEqual([true, at < closing - FINE_MS ? DAY_MS : QUARTER_MS]);
      }),
    ));

  it('that takes an event away reaches to its neighbours in the session', () => {
    const at = Date.UTC(2026, 5, 15, 12, 7);
    expect(cellsAroundGone(at, false)).toEqual({
      from: Date.UTC(2026, 5, 15, 11, 30),
      to: Date.UTC(2026, 5, 15, 12, 45),
    });
    expect(cellsAroundGone(at, true)).toEqual({
      from: Date.UTC(2026, 5, 14, 12),
      to: Date.UTC(2026, 5, 16, 12, 15),
    });
  });
});
