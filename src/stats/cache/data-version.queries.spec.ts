// Do the names of parts tell what they hold: every insert, every deletion, no merge, and when nothing can be told?
import * as fc from 'fast-check';
import { monthsOf, type PartName, stateOf } from './data-version.queries';

interface Part {
  readonly first: number;
  readonly last: number;
  readonly level: number;
  readonly mutation: number;
}

const nameOf = ({ first, last, level, mutation }: Part): PartName => ({
  table: 'events',
  name: `202601_${first}_${last}_${level}${mutation === 0 ? '' : `_${mutation}`}`,
  engine: 'ReplacingMergeTree',
});
const state = (parts: readonly Part[]): string | undefined => stateOf(parts.map(nameOf));

/** What the engine does to a partition's parts, as a list of moves; a mutation goes on part by part between other moves. */
const moves = fc.array(fc.constantFrom('insert', 'merge', 'delete', 'mutate', 'mutate'), {
  minLength: 1,
  maxLength: 40,
});

it('is never the same for two different contents, however inserts, merges and deletions mix', () =>
  fc.assert(
    fc.property(moves, (list) => {
      let parts: Part[] = [];
      let count = 0;
      let asked = 0;
      // Which inserts there were, and which deletions have reached which of them: what a reader would see.
      const reached = new Map<number, number>();
      const seen = new Map<string, string>();
      const pending = (part: Part): boolean => asked > part.mutation && part.first < asked;
      for (const move of list) {
        if (move === 'insert') {
          count += 1;
          parts.push({ first: count, last: count, level: 0, mutation: 0 });
          reached.set(count, 0);
        } else if (move === 'delete' && !parts.some(pending)) asked = count += 1;
        else if (move === 'mutate') {
          const next = parts.findIndex(pending);
          if (next < 0) continue;
          parts = parts.map((part, at) => (at === next ? { ...part, mutation: asked } : part));
          for (const block of reached.keys())
            if (block >= parts[next]!.first && block <= parts[next]!.last) reached.set(block, asked);
        } else if (move === 'merge') {
          const at = parts.findIndex((part, index) => parts[index + 1]?.mutation === part.mutation);
          const [one, other] = [parts[at], parts[at + 1]];
          if (one === undefined || other === undefined) continue;
          const merged = { ...one, last: other.last, level: Math.max(one.level, other.level) + 1 };
          parts = [...parts.slice(0, at), merged, ...parts.slice(at + 2)];
        }
        const told = state(parts);
        if (told === undefined) continue;
        const holds = JSON.stringify([...reached]);
        expect(seen.get(told) ?? holds).toBe(holds);
        seen.set(told, holds);
      }
    }),
    { numRuns: 500 },
  ));

it('is told again once a deletion has gone through', () => {
  const [old, young] = [
    { first: 1, last: 4, level: 1, mutation: 0 },
    { first: 6, last: 6, level: 0, mutation: 0 },
  ];
  const other = { first: 3, last: 3, level: 0, mutation: 0 };
  const before = state([old, other, young]);
  expect(before).toEqual(expect.any(String));
  expect(state([{ ...old, mutation: 5 }, other, young])).toBeUndefined();
  const after = state([{ ...old, mutation: 5 }, { ...other, mutation: 5 }, young]);
  expect(after).toEqual(expect.any(String));
  expect(after).not.toBe(before);
});

it('does not depend on the order of parts, and knows tables and months apart', () => {
  const named = (table: string, name: string): PartName => ({ table, name, engine: 'ReplacingMergeTree' });
  const [one, other] = [named('events', '202601_1_1_0'), named('visitor_links', 'all_1_1_0')];
  expect(stateOf([one, other])).toBe(stateOf([other, one]));
  const alone = [[], [one], [other], [named('events', '202602_1_1_0')], [one, other]].map((parts) => stateOf(parts));
  expect(new Set(alone).size).toBe(5);
});

it('is not told where replicas have parts of their own', () => {
  const part = { table: 'events', name: '202601_1_1_0', engine: 'SharedReplacingMergeTree' };
  expect(stateOf([part])).toBeUndefined();
  expect(stateOf([{ ...part, engine: 'ReplicatedReplacingMergeTree' }])).toBeUndefined();
});

it('lists the months of a range, both ends cut right, and all of them where that is too many', () => {
  const months = (from: string, to: string): string[] | undefined =>
    monthsOf({ from: Date.parse(from), to: Date.parse(to) });
  expect(months('2025-11-30T23:59:59.999Z', '2026-02-01')).toEqual(['202511', '202512', '202601']);
  expect(months('2026-02-01', '2026-02-01T00:00:00.001Z')).toEqual(['202602']);
  expect(months('1970-01-01', '2026-01-01')).toBeUndefined();
});
