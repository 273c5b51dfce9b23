// Is each row of a table in exactly one piece, however many rows a day has?
import * as fc from 'fast-check';
import { type DayCount, dayChunks, hashChunks } from './chunks';

const LAST = 2n ** 64n - 1n;

describe('pieces of a table', () => {
  it('cover every hash once', () =>
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: 1_000, max: 50_000 }), (rows, most) => {
        const chunks = hashChunks(rows, most).map(({ from, to }) => [BigInt(from), BigInt(to)] as const);
        expect([chunks[0]?.[0], chunks.at(-1)?.[1]]).toEqual([0n, LAST]);
        chunks.forEach(([from, to], at) => {
          expect(to).toBeGreaterThanOrEqual(from);
          if (at > 0) expect(from).toBe(chunks[at - 1]![1] + 1n);
        });
      }),
      { numRuns: 50 },
    ));

  it('cover every day once, stay within a month, and hold no more rows than they may', () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 60, maxLength: 60 }),
        (numbers, sizes) => {
          const days: DayCount[] = numbers
            .toSorted((a, b) => a - b)
            .map((day, at) => ({ day, month: 202_600 + Math.floor(day / 30), rows: sizes[at]! }));
          const chunks = dayChunks(days, 200);
          for (const { month, day } of days) {
            const holding = chunks.filter((one) => one.month === month && one.fromDay <= day && day <= one.toDay);
            // One, or all visitors of the day in turn.
            expect(holding.length).toBeGreaterThanOrEqual(1);
            expect(new Set(holding.map(({ fromDay, toDay }) => `${fromDay} ${toDay}`)).size).toBe(1);
            expect([holding[0]!.hashes.from, holding.at(-1)!.hashes.to]).toEqual(['0', LAST.toString()]);
          }
          for (const { rows } of chunks) expect(rows).toBeLessThanOrEqual(200);
          expect(chunks.reduce((sum, { rows }) => sum + rows, 0)).toBeCloseTo(
            days.reduce((sum, { rows }) => sum + rows, 0),
          );
        },
      ),
      { numRuns: 100 },
    ));
});
