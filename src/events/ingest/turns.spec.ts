// Does the line of work keep its order and its promises, and are others heard in between?
import fc from 'fast-check';
import { setImmediate as afterSockets } from 'node:timers/promises';
import { eachInTurn, inTurn } from './turns';

const busyFor = (ms: number): void => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

it('does the work at once where nobody is in front', async () => {
  await afterSockets();
  const seen: number[] = [];
  const done = eachInTurn([1, 2, 3], (item) => seen.push(item));
  expect(seen).toEqual([1, 2, 3]);
  await done;
});

it('looks at the sockets between pieces of what takes long, of one and of many together', async () => {
  let looks = 0;
  const look = (): void => {
    looks += 1;
    looking = setImmediate(look);
  };
  let looking = setImmediate(look);
  const works = Array.from({ length: 10 }, () => eachInTurn([1, 2, 3, 4], () => busyFor(1)));
  await Promise.all(works);
  clearImmediate(looking);
  // 40 pieces of a millisecond, each of which is a whole turn.
  expect(looks).toBeGreaterThanOrEqual(39);
});

it('does every item of every list once and in its order, whatever else is in the line', async () => {
  const lists = fc.array(fc.array(fc.nat({ max: 3 }), { maxLength: 30 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(lists, async (works) => {
      const seen = works.map(() => [] as number[]);
      await Promise.all(
        works.map((items, at) =>
          eachInTurn(items, (item) => {
            busyFor(item / 20);
            seen[at]!.push(item);
          }),
        ),
      );
      expect(seen).toEqual(works);
    }),
    { numRuns: 50 },
  );
});

it('finishes usual lists in the order they came, and lets them pass a huge one', async () => {
  const finished: string[] = [];
  const add = (name: string, pieces: number) =>
    eachInTurn(Array.from({ length: pieces }), () => busyFor(1)).then(() => finished.push(name));
  await Promise.all([add('huge', 100), add('first', 5), add('second', 5), add('third', 5)]);
  expect(finished).toEqual(['first', 'second', 'third', 'huge']);
});

it('gives back what was made, and throws what was thrown, which ends that list alone', async () => {
  expect(await inTurn(() => 7)).toBe(7);
  await expect(inTurn(() => JSON.parse('{'))).rejects.toThrow(SyntaxError);
  const seen: number[] = [];
  const failing = eachInTurn([1, 2, 3], (item) => {
    if (item === 2) throw new RangeError('two');
    seen.push(item);
  });
  const other = eachInTurn([10, 20], (item) => seen.push(item));
  await expect(failing).rejects.toThrow(RangeError);
  await other;
  expect(seen).toEqual([1, 10, 20]);
});
