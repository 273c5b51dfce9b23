// Is a steady load answered quickly, without a refusal, and in memory that does not grow?
import { setTimeout as sleep } from 'node:timers/promises';
import { figuresOf, holdTime, ownDelay, seenOf, watchedWorld } from '../support/overload-watch.mjs';
import { percentile } from '../support/percentile.mjs';

const P99_MS = 250;
const GROWN_MB = 64;

export const trial = {
  number: 1,
  name: 'steady',
  load: '1,000 events/s in batches of 100, 4 projects, 30 s',
  faults: 'none',
  async run({ short, note, folder }) {
    const options = { lanes: 8, batch: short ? 20 : 100, rate: 2.5 };
    const world = await watchedWorld({ folder, note, ...options });
    const loads = [world.load];
    while (loads.length < 4) loads.push(await world.elsewhere(`steady ${loads.length}`, options));
    const own = ownDelay();
    world.begin(...loads);
    // The first requests find nothing ready.
    await sleep(3_000);
    for (const load of loads) load.latencies.length = 0;
    const since = Date.now();
    note('a steady load …');
    await sleep(short ? 8_000 : 30_000);
    await world.stop();
    const slack = own.slackMs(P99_MS);
    const seen = figuresOf(seenOf(world.server, since));
    const latencies = loads.flatMap((load) => load.latencies);
    const refused = loads.reduce((all, load) => all + load.refused.size + load.unanswered, 0);

    const measured = percentile(latencies, 0.99);
    holdTime(world, { what: '99 of 100 answers within', measured, wanted: P99_MS, slack, short });
    world.lines.push(
      `memory of the server: ${Math.round(seen.mostMb)} MB at most, ${seen.grownMb.toFixed(1)} MB more in the second half`,
      `event loop: late by ${Math.round(seen.maxMs)} ms at most`,
    );
    world.expect(!(seen.grownMb > GROWN_MB), `memory grew by ${Math.round(seen.grownMb)} MB in the second half`);
    world.expect(refused === 0, 'not every request was answered 2xx');
    return world.verdict(await world.end(), short ? { load: '200 events/s in batches of 20, 4 projects, 8 s' } : {});
  },
};
