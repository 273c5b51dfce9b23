// Is anything that was answered 2xx ever lost or counted twice when processes die under load? `kill -9`, again and again, then the count.
//   npm run chaos:kill -- [--kills 20] [--victim server|clickhouse|postgres] [--lanes 8] [--batch 50] [--json]
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { measure, ownFolder } from './support/clean.mjs';
import { percentile } from './support/percentile.mjs';
import { familyOf } from './support/processes.mjs';
import { ms, table } from './support/show.mjs';
import { TrialWorld } from './support/trial-world.mjs';

const VICTIMS = {
  server: undefined,
  clickhouse: /embedded\/clickhouse\/child/,
  postgres: /\/bin\/postgres .*-D /,
};
const text = { type: 'string' };
const { values } = parseArgs({
  options: { kills: text, victim: text, lanes: text, batch: text, json: { type: 'boolean' } },
});
const kills = Number(values.kills ?? 20);
const laneCount = Number(values.lanes ?? 8);
const batchSize = Number(values.batch ?? 50);
const victim = values.victim ?? 'server';
if (!(kills >= 0) || !(laneCount > 0) || !(batchSize > 0) || !(victim in VICTIMS)) {
  process.stderr.write(
    `--kills, --lanes and --batch are numbers; --victim is one of ${Object.keys(VICTIMS).join(', ')}\n`,
  );
  process.exit(2);
}
const note = (line) => process.stderr.write(`${line}\n`);

/** @returns milliseconds from the kill to readiness */
async function killServer(server) {
  const killedAt = performance.now();
  await server.kill();
  await server.boot();
  return performance.now() - killedAt;
}

/** The server has to notice and start the store again by itself. */
async function killStore(server, pattern) {
  const store = familyOf(server.pid).find(({ parent, command }) => parent === server.pid && pattern.test(command));
  if (store === undefined) throw new Error(`the server has no ${victim} of its own`);
  const killedAt = performance.now();
  process.kill(store.pid, 'SIGKILL');
  for (;;) {
    await sleep(20);
    if (!server.isRunning) throw new Error(`the server ended after its ${victim} did:\n${server.said}`);
    const fresh = familyOf(server.pid).some(
      ({ pid, parent, command }) => parent === server.pid && pid !== store.pid && pattern.test(command),
    );
    if (fresh && (await server.isReady())) return performance.now() - killedAt;
    if (performance.now() - killedAt > 60_000) throw new Error(`${victim} was not started again:\n${server.said}`);
  }
}

function show(report) {
  return table([
    ['kill -9', report.victim],
    ['kills', report.kills],
    ['requests answered', report.answers],
    ['requests of unknown fate', report.unknown],
    ['events sent', report.sent],
    ['events acknowledged', report.acknowledged],
    ['events refused for a reason', report.refused],
    ['events stored', report.stored],
    ['acknowledged and lost', report.lost],
    ['counted twice', report.doubled],
    ['stored, but never sent', report.foreign],
    ['refused, but stored', report.refusedButStored],
    ['refused, and not kept', report.refusedNotKept],
    ['ready again after, p50 ms', report.restartMs.p50],
    ['ready again after, max ms', report.restartMs.max],
  ]);
}

await measure(async () => {
  const folder = await ownFolder('ledger');
  const world = await TrialWorld.start({ folder, note, lanes: laneCount, batch: batchSize });
  const { server } = world;
  world.begin();

  const restarts = [];
  for (let kill = 1; kill <= kills; kill++) {
    await sleep(randomInt(200, 2_000));
    const tookMs = victim === 'server' ? await killServer(server) : await killStore(server, VICTIMS[victim]);
    restarts.push(tookMs);
    note(`kill ${kill} of ${kills}: ready again after ${ms(tookMs)} ms`);
  }
  await sleep(500);
  const { held, drainedMs: _, ...verdict } = await world.end();
  const report = {
    victim,
    kills,
    ...verdict,
    restartMs: { p50: percentile(restarts, 0.5), max: percentile(restarts, 1) },
  };
  process.stdout.write(`${values.json === true ? JSON.stringify(report) : show(report)}\n`);
  return held ? 0 : 1;
});
