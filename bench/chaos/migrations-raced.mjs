// What happens when several processes start at once on empty stores? One makes the tables, the others wait, and all are ready.
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from '../support/cluster.mjs';
import { seconds, TrialWorld } from '../support/trial-world.mjs';

export const trial = {
  number: 21,
  name: 'migrations-raced',
  load: '4 lanes, batches of 50',
  faults: '3 processes started at once on an empty data directory, 3 times; 3 once more on a full one',
  async run({ short, note, folder }) {
    const lines = [];
    const faults = [];
    let cluster;
    for (let round = 1; round <= (short ? 1 : 3); round++) {
      await cluster?.end();
      const startedAt = performance.now();
      // A root key of the server's own making: that, too, one alone may make.
      cluster = await Cluster.start({ apis: 2, workers: 1, rootKey: null, front: false });
      lines.push(`start ${round}: all three ready after ${seconds(performance.now() - startedAt)}`);
      note(lines.at(-1));
      const keys = cluster.members.map(({ said }) => /Root key, shown this once: (\S+)/.exec(said)?.[1]);
      const shown = keys.filter((key) => key !== undefined);
      if (shown.length !== 1) faults.push(`${shown.length} processes showed a root key`);
      for (const server of cluster.apis) {
        server.rootKey = shown[0];
        await server.ask('GET', '/projects').catch((error) => faults.push(`${server.name}: ${error.message}`));
      }
    }
    const [server, other] = cluster.apis;
    const world = await TrialWorld.start({ folder, note, server, urls: [server.url, other.url], lanes: 4 });
    world.begin();
    await sleep(short ? 2_000 : 8_000);
    await world.stop();
    // Once more at once, on stores that hold something.
    await Promise.all(cluster.members.map((member) => member.kill()));
    const startedAt = performance.now();
    await Promise.all(cluster.members.map((member) => member.boot()));
    lines.push(`killed and started again at once: all three ready after ${seconds(performance.now() - startedAt)}`);
    if (cluster.members.some(({ said }) => said.includes('Root key'))) faults.push('a second root key was made');
    world.lines.push(...lines);
    world.faults.push(...faults);
    return world.verdict(
      await world.end(),
      short ? { faults: '3 processes started at once on an empty data directory, then on a full one' } : {},
    );
  },
};
