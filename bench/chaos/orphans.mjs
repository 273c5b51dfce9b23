// What becomes of stores whose server was killed? They end by themselves; where they hang and can't, the next start ends them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, isAlive, keeperOf } from '../support/cluster.mjs';
import { seconds, TrialWorld, until } from '../support/trial-world.mjs';

const PATIENCE_MS = 60_000;

const storesOf = (folder) => [
  Number(readFileSync(join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]),
  Number(readFileSync(join(folder, 'clickhouse.pid'), 'utf8')),
];

/** Stores of one server alone. */
async function ofOne(world, rounds, note) {
  const { server } = world;
  for (let round = 1; round <= rounds; round++) {
    const left = storesOf(server.folder);
    const isHung = round % 2 === 0;
    // Hung: neither notices that its server is gone.
    if (isHung) for (const pid of left) process.kill(pid, 'SIGSTOP');
    await server.kill();
    if (!isHung) {
      const gone = await until(() => !left.some(isAlive), PATIENCE_MS);
      world.expect(gone, 'stores outlived a server that was killed');
    }
    const readyMs = await server.boot();
    world.expect(!left.some(isAlive), 'stores of a server that was killed run beside those of the next one');
    world.lines.push(`${isHung ? 'hung stores' : 'stores'} left behind: ready again after ${seconds(readyMs)}`);
    note(world.lines.at(-1));
    await sleep(1_000);
  }
}

/** Stores that several share: their keeper is killed, then everything at once. */
async function ofMany(world, note) {
  const cluster = await Cluster.start({ apis: 1, workers: 1, front: false });
  const { folder, members } = cluster;
  const pids = () => [keeperOf(folder)?.pid, ...storesOf(folder)];
  const allReady = async () => (await Promise.all(members.map((server) => server.isReady()))).every(Boolean);
  const first = pids();
  process.kill(first[0], 'SIGKILL');
  const killedAt = performance.now();
  let isBack = false;
  while (!isBack && performance.now() - killedAt < PATIENCE_MS) {
    await sleep(50);
    isBack = keeperOf(folder)?.pid !== first[0] && (await allReady());
  }
  world.expect(isBack, 'the keeper of shared stores was killed, and they did not come back');
  world.expect(
    await until(() => !first.some(isAlive), PATIENCE_MS),
    'stores outlived their keeper, beside the new ones',
  );
  world.lines.push(`keeper of shared stores killed: all ready again after ${seconds(performance.now() - killedAt)}`);
  note(world.lines.at(-1));

  const left = [...pids(), ...members.map(({ pid }) => pid)];
  for (const pid of left.slice(1, 3)) process.kill(pid, 'SIGSTOP');
  process.kill(left[0], 'SIGKILL');
  await Promise.all(members.map((server) => server.kill()));
  const startedAt = performance.now();
  await Promise.all(members.map((server) => server.boot()));
  world.expect(!left.some(isAlive), 'something of shared stores that hung was left behind');
  world.lines.push(
    `everything killed, the stores hung: all ready again after ${seconds(performance.now() - startedAt)}`,
  );
  const last = pids();
  await cluster.end();
  world.expect(last.every(isAlive), 'shared stores ended with those who used them, at once');
  world.expect(
    await until(() => !last.some(isAlive), 90_000, 200),
    'shared stores go on though nobody has used them for 90 s',
  );
  world.lines.push(`nobody left: shared stores ended after ${seconds(performance.now() - startedAt)}`);
}

export const trial = {
  number: 20,
  name: 'orphans',
  load: '4 lanes, batches of 50',
  faults: 'kill -9 of servers and keepers, stores running or hung (SIGSTOP)',
  async run({ short, note, folder }) {
    const world = await TrialWorld.start({ folder, note, lanes: 4 });
    world.begin();
    await ofOne(world, 2, note);
    const counted = await world.end();
    if (!short) await ofMany(world, note);
    return world.verdict(counted, short ? { faults: 'kill -9 of the server, stores running, then hung' } : {});
  },
};
