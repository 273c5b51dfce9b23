// Is anything lost or counted twice when the server dies under load, again and again?
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../support/percentile.mjs';
import { seconds, TrialWorld } from '../support/trial-world.mjs';

const KILLS = 10;

export const trial = {
  number: 7,
  name: 'kill-server',
  load: '8 lanes, batches of 50',
  faults: `kill -9 of the server and its stores, ${KILLS} times`,
  async run({ short, note, folder }) {
    const world = await TrialWorld.start({ folder, note, lanes: short ? 4 : 8 });
    const { server } = world;
    const kills = short ? 2 : KILLS;
    const readyMs = [];
    world.begin();
    for (let kill = 1; kill <= kills; kill++) {
      await sleep(randomInt(100, 2_000));
      await server.kill();
      readyMs.push(await server.boot());
      note(`kill ${kill} of ${kills}: ready after ${seconds(readyMs.at(-1))}`);
    }
    await sleep(500);
    const counted = await world.end();
    world.lines.push(
      `ready again after ${seconds(percentile(readyMs, 0.5))} as a rule, ${seconds(Math.max(...readyMs))} at most`,
    );
    return world.verdict(counted, short ? { load: '4 lanes, batches of 50', faults: 'kill -9, twice' } : {});
  },
};
