// What happens when the disk is full? Whoever sends is told to come again, nothing that was answered is lost, and room on the disk is all it takes.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Watch } from '../support/chaos-watch.mjs';
import { atEnd, ownFolder } from '../support/clean.mjs';
import { Server } from '../support/server.mjs';
import { seconds, TrialWorld, until } from '../support/trial-world.mjs';

const SIZE_MB = 700;
const MIB = 1_048_576;

/** Fills a disk to its last byte. */
function fill(file) {
  const ballast = openSync(file, 'a');
  const block = Buffer.alloc(MIB);
  for (let size = MIB; size >= 4_096;)
    try {
      writeSync(ballast, block, 0, size);
    } catch {
      size /= 4;
    }
  closeSync(ballast);
}

export const trial = {
  number: 15,
  name: 'disk-full',
  load: '10 batches of 50 a second',
  faults: `the disk of both stores (tmpfs of ${SIZE_MB} MB) full for 10 s, twice`,
  async run({ short, note, folder }) {
    // A folder of its own that the user of Postgres can reach.
    const disk = await ownFolder('disk');
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m,mode=0711`, 'tmpfs', disk]);
    if (mounted.status !== 0) return { impossible: 'mounting a small disk takes root' };
    // Registered before the server, so done after its end.
    atEnd(() => void spawnSync('umount', ['-l', disk]));
    const server = await Server.start({}, join(disk, 'data'));
    const world = await TrialWorld.start({ folder, note, rate: 10, server });
    const { load } = world;
    const ballast = join(disk, 'ballast');
    let restarts = 0;
    world.begin();
    for (let time = 1; time <= (short ? 1 : 2); time++) {
      await sleep(3_000);
      fill(ballast);
      note(`the disk is full, ${time}`);
      const ready = new Watch({ url: `${server.url}/health/ready`, everyMs: 500 }).start();
      const endAt = performance.now() + (short ? 8_000 : 10_000);
      while (performance.now() < endAt) {
        await sleep(500);
        // What is given free meanwhile is taken at once.
        if (statfsSync(disk).bavail > 2) fill(ballast);
      }
      await ready.stop();
      rmSync(ballast);
      const roomAt = performance.now();
      note('there is room again');
      let isReady = false;
      await until(
        () => isReady || !server.isRunning || void server.isReady().then((is) => (isReady = is)),
        90_000,
        500,
      );
      if (!server.isRunning) {
        restarts += 1;
        await server.boot();
      }
      world.expect(
        await server.isReady(),
        `the server was not ready 90 s after there was room again:\\n${server.said.slice(-600)}`,
      );
      world.lines.push(
        `ready ${seconds(performance.now() - roomAt)} after there was room again; readiness while full: ${ready.line}`,
      );
    }
    await sleep(2_000);
    world.expect((load.refused.get(503) ?? 0) > 0, 'nobody was refused: the full disk was not felt');
    const counted = await world.end();
    if (restarts > 0)
      world.lines.push(
        `the server ended ${restarts} times, as its embedded stores could not start, and was started again by hand`,
      );
    return world.verdict(
      counted,
      short ? { faults: `the disk of both stores (tmpfs of ${SIZE_MB} MB) full for 8 s` } : {},
    );
  },
};
