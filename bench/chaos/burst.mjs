// Does ten times the load for a moment cost anything but patience? What can't be taken is refused with a time to come back; the rest is kept.
import { setTimeout as sleep } from 'node:timers/promises';
import { figuresOf, seenOf, watchedWorld } from '../support/overload-watch.mjs';
import { seconds } from '../support/trial-world.mjs';

const DRAINED_MS = 60_000;
const SETTLE_MS = 300_000;

export const trial = {
  number: 2,
  name: 'burst',
  load: '10 batches/s of 50, then 100/s for 10 s',
  faults: 'ten times the load',
  async run({ short, note, folder }) {
    const options = { batch: 50, timeoutMs: 60_000 };
    const world = await watchedWorld({ folder, note, ...options, lanes: 16, rate: 10 });
    const burst = world.beside({ ...options, lanes: 256, rate: 90 });
    const since = Date.now();
    world.begin();
    await sleep(short ? 1_000 : 5_000);
    note('ten times as much …');
    world.begin(burst);
    await sleep(short ? 4_000 : 10_000);
    burst.stop();
    await sleep(short ? 1_000 : 5_000);
    await world.stop();
    const seen = figuresOf(seenOf(world.server, since));
    const counted = await world.end(SETTLE_MS);

    world.lines.push(
      `all that was acknowledged was readable ${seconds(counted.drainedMs)} later (wanted: ${seconds(DRAINED_MS)})`,
      `memory of the server: ${Math.round(seen.mostMb)} MB at most; event loop late by ${Math.round(seen.maxMs)} ms at most`,
    );
    world.expect(counted.drainedMs <= DRAINED_MS, `what waited took ${seconds(counted.drainedMs)}`);
    return world.verdict(counted, short ? { load: '10 batches/s of 50, then 100/s for 4 s' } : {});
  },
};
