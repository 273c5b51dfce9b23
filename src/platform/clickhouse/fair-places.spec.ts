// Does everybody get a place in time, and nobody all of them?
import fc from 'fast-check';
import { AskerGone, FairPlaces, NoPlace } from './fair-places';

const LONG_MS = 60_000;

/** Takes a place and notes when it has it. */
const asking = (places: FairPlaces, log: number[], lane: number): Promise<() => void> =>
  places.take(lane, LONG_MS).then((leave) => {
    log.push(lane);
    return leave;
  });

describe('fair places', () => {
  it('go to another project before the same one gets a further one', async () => {
    const places = new FairPlaces(2);
    const log: number[] = [];
    const mine = [asking(places, log, 1), asking(places, log, 1), asking(places, log, 1), asking(places, log, 1)];
    const theirs = asking(places, log, 2);
    const others = asking(places, log, 3);
    const leave = await mine[0]!;
    (await mine[1]!)();
    const leaveTheirs = await theirs;
    leaveTheirs();
    (await others)();
    leave();
    (await mine[2]!)();
    (await mine[3]!)();
    expect(log).toEqual([1, 1, 2, 3, 1, 1]);
    expect([places.running, places.waiting]).toEqual([0, 0]);
  });

  it('take turns among projects that hold as many', async () => {
    const places = new FairPlaces(1);
    const log: number[] = [];
    const leave = await places.take(9, LONG_MS);
    const all = [1, 1, 1, 2, 2, 3].map((lane) => asking(places, log, lane).then((go) => go()));
    leave();
    await Promise.all(all);
    expect(log).toEqual([1, 2, 3, 1, 2, 1]);
  });

  it('are refused when none came free in time, or too many wait', async () => {
    const places = new FairPlaces(1, 1);
    const leave = await places.take(1, LONG_MS);
    const late = places.take(2, 20);
    await expect(places.take(3, LONG_MS)).rejects.toBeInstanceOf(NoPlace);
    await expect(late).rejects.toBeInstanceOf(NoPlace);
    expect(places.waiting).toBe(0);
    leave();
    (await places.take(3, LONG_MS))();
  });

  it('are not kept for those who have gone', async () => {
    const places = new FairPlaces(1);
    const leave = await places.take(1, LONG_MS);
    const gone = new AbortController();
    const waiting = places.take(2, LONG_MS, gone.signal);
    const next = places.take(3, LONG_MS);
    gone.abort();
    await expect(waiting).rejects.toBeInstanceOf(AskerGone);
    await expect(places.take(4, LONG_MS, gone.signal)).rejects.toBeInstanceOf(AskerGone);
    leave();
    leave();
    (await next)();
    expect(places.running).toBe(0);
  });

  it('are never more than there are, and serve everybody in the end', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.record({ lane: fc.nat(5), leaves: fc.boolean() }), { maxLength: 40 }),
        async (size, asked) => {
          const places = new FairPlaces(size);
          let most = 0;
          let served = 0;
          await Promise.all(
            asked.map(async ({ lane, leaves }) => {
              const gone = new AbortController();
              const taken = places.take(lane, LONG_MS, gone.signal);
              if (leaves) setImmediate(() => gone.abort());
              try {
                const leave = await taken;
                most = Math.max(most, places.running);
                await new Promise((resolve) => setImmediate(resolve));
                leave();
                served += 1;
              } catch (error) {
                expect(error).toBeInstanceOf(AskerGone);
              }
            }),
          );
          expect(most).toBeLessThanOrEqual(size);
          expect(served).toBeGreaterThanOrEqual(asked.filter(({ leaves }) => !leaves).length);
          expect([places.running, places.waiting]).toEqual([0, 0]);
        },
      ),
    ));

  it('never go to one lane alone where a lane has a limit of its own', async () => {
    const places = new FairPlaces(3, undefined, 2);
    const [first] = await Promise.all([places.take(1, LONG_MS), places.take(1, LONG_MS)]);
    const order: string[] = [];
    const third = places.take(1, LONG_MS).then(() => order.push('the same lane'));
    await places.take(2, LONG_MS).then(() => order.push('another lane'));
    expect([order, places.running, places.waiting]).toEqual([['another lane'], 3, 1]);
    first();
    await third;
    expect([order, places.running, places.waiting]).toEqual([['another lane', 'the same lane'], 3, 0]);
  });
});
