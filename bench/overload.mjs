// What happens when more arrives than can be worked on? The curve of offered, served, refused, waits and memory, at half, all, twice and five
// times of what the server can carry; how soon it is as before; and what an event costs with one and with two API processes.
//   npm run bench:overload -- [--seconds 15] [--batch 100] [--capacity requests/s] [--curve-only] [--json]
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { atEnd, measure, ownFolder } from './support/clean.mjs';
import { Body } from './support/events.mjs';
import { runLoad } from './support/load.mjs';
import { headOf, OpenLoad, OpenResult } from './support/open-load.mjs';
import { cpuOf, familyOf } from './support/processes.mjs';
import { root, Server } from './support/server.mjs';
import { ms, table, whole } from './support/show.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '15' },
    batch: { type: 'string', default: '100' },
    capacity: { type: 'string' },
    'curve-only': { type: 'boolean' },
    json: { type: 'boolean' },
  },
});
const [seconds, batch] = [Number(values.seconds), Number(values.batch)];
if (!(seconds >= 5) || !(batch > 0) || !(Number(values.capacity ?? 1) > 0)) {
  process.stderr.write('--seconds must be 5 or more, --batch and --capacity positive numbers\n');
  process.exit(2);
}
const note = (text) => process.stderr.write(`${text}\n`);

const LEVELS = [0.5, 1, 2, 5];
/** An overload is noticed within its first seconds; what was let in until then waits longer, and is shown apart. */
const ONSET_SECONDS = 3;
const PATH = '/api/v1/events/batch';
const acceptedOf = (text) => JSON.parse(text).accepted;

/** Resident memory of one process, megabytes. */
const residentMb = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

/** Requests whose events are new each time. */
function batches(key) {
  const bodies = Array.from({ length: 16 }, () => new Body(batch));
  const heads = bodies.map(({ bytes }) => headOf({ path: PATH, key, length: bytes.length }));
  return (n) => {
    const at = n % bodies.length;
    bodies[at].renew();
    return { head: heads[at], body: bodies[at].bytes };
  };
}

/** What 32 senders get through that wait for their answers: what the server can carry, requests a second. */
async function capacityOf(server, project) {
  if (values.capacity !== undefined) return Number(values.capacity);
  const bodies = () => Array.from({ length: 4 }, () => new Body(batch));
  const options = { port: server.port, path: PATH, key: project.sec, bodies, acceptedOf, connections: 32 };
  await runLoad({ ...options, seconds: 3 });
  const result = await runLoad({ ...options, seconds });
  return result.requests / result.seconds;
}

async function offer(server, project, perSecond) {
  const load = new OpenLoad({ ports: [server.port] });
  const memory = [residentMb(server.pid)];
  const result = await load.offer({
    perSecond,
    seconds,
    request: batches(project.sec),
    acceptedOf,
    onSecond: () => memory.push(residentMb(server.pid)),
  });
  load.close();
  return { result, memory };
}

const { percentile } = OpenResult;

/** A level's row: waits of what was served from the fourth second on, as from then on the server knows. */
async function levelOf(server, project, capacity, times) {
  note(`${times} times of ${whole(capacity)} requests/s …`);
  const { result, memory } = await offer(server, project, capacity * times);
  const { served, turnedAway } = result;
  return {
    times,
    offered: result.offered / seconds,
    served: served.length / seconds,
    refused: turnedAway.length / seconds,
    faults: result.faults,
    acknowledged: result.acknowledged,
    p50Ms: percentile(served, 0.5, ONSET_SECONDS),
    p99Ms: percentile(served, 0.99, ONSET_SECONDS),
    onsetP99Ms: percentile(served, 0.99, 0, ONSET_SECONDS),
    refusedP50Ms: percentile(turnedAway, 0.5, ONSET_SECONDS),
    refusedP99Ms: percentile(turnedAway, 0.99, ONSET_SECONDS),
    mbBefore: memory[0],
    mbMost: Math.max(...memory),
    mbAfter: memory.at(-1),
  };
}

/** Seconds until a second in which nothing is refused and the wait is no more than twice the usual, at half of what it can carry. */
async function recovery(server, project, capacity, usualP99Ms) {
  note('back to half of it …');
  const { result } = await offer(server, project, capacity * 0.5);
  for (let second = 0; second < seconds; second++) {
    const isRefused = result.turnedAway.some(({ at }) => at >= second && at < second + 1);
    if (!isRefused && percentile(result.served, 0.99, second, second + 1) <= 2 * usualP99Ms) return second;
  }
  return Number.NaN;
}

/** Stores that several servers share, of this program. @returns their URLs and the processes that are them */
async function sharedStores() {
  const load = createRequire(import.meta.url);
  const { startEmbeddedStores } = load(join(root, 'dist', 'embedded', 'stores.js'));
  const { readEnv } = load(join(root, 'dist', 'config', 'env.js'));
  const { makeLogger } = load(join(root, 'dist', 'platform', 'logging', 'logger.js'));
  const stores = await startEmbeddedStores(readEnv({ DATA_DIR: await ownFolder('overload') }), makeLogger('warn'));
  atEnd(() => stores.close());
  return { DATABASE_URL: stores.urls.postgres, CLICKHOUSE_URL: stores.urls.clickhouse };
}

/** CPU of an event, microseconds: of the API processes, and of everything, stores and worker included. */
async function costWith(replicas, perSecond) {
  note(`${replicas} API process${replicas === 1 ? '' : 'es'} and a worker, ${whole(perSecond)} requests/s …`);
  const stores = await sharedStores();
  const worker = await Server.start({ ...stores, ROLES: 'worker' });
  const servers = [];
  for (let at = 0; at < replicas; at++) servers.push(await Server.start({ ...stores, ROLES: 'api' }));
  const project = await servers[0].project('cost');
  const request = batches(project.sec);
  const load = new OpenLoad({ ports: servers.map(({ port }) => port) });
  await load.offer({ perSecond, seconds: 3, request });

  const own = () => servers.reduce((sum, { pid }) => sum + cpuOf(pid), 0);
  const engines = () =>
    familyOf(process.pid)
      .filter(({ parent, pid, command }) => parent === process.pid && isEngine(command) && pid !== worker.pid)
      .reduce((sum, { pid }) => sum + cpuOf(pid), 0);
  const before = { api: own(), all: own() + engines() + cpuOf(worker.pid) };
  const result = await load.offer({ perSecond, seconds, request, acceptedOf });
  // What was taken in is derived a moment later.
  await sleep(1_000);
  const after = { api: own(), all: own() + engines() + cpuOf(worker.pid) };
  load.close();
  for (const server of [...servers, worker]) await server.stop();
  return {
    replicas,
    eventsPerSecond: result.acknowledged / seconds,
    refused: result.turnedAway.length,
    faults: result.faults,
    p50Ms: percentile(result.served, 0.5),
    p99Ms: percentile(result.served, 0.99),
    apiUsPerEvent: (after.api - before.api) / result.acknowledged,
    allUsPerEvent: (after.all - before.all) / result.acknowledged,
  };
}

const isEngine = (command) => /embedded\/clickhouse|\/bin\/postgres /.test(command);

function show({ machine, date, capacity, levels, recoveredAfter, stored, costs }) {
  const rows = levels.map((one) => [
    `${one.times} x`,
    one.offered,
    one.served,
    one.refused,
    one.faults,
    one.p50Ms,
    one.p99Ms,
    one.onsetP99Ms,
    one.refusedP50Ms,
    one.refusedP99Ms,
    `${whole(one.mbBefore)} / ${whole(one.mbMost)} / ${whole(one.mbAfter)}`,
  ]);
  const heading = [
    '',
    'offered/s',
    'served/s',
    'refused/s',
    'other',
    'p50 ms',
    'p99 ms',
    `first ${ONSET_SECONDS} s p99`,
  ];
  return [
    `${date.slice(0, 10)}, ${machine}; batches of ${batch}, ${seconds} s each; the server carries ${whole(capacity)} requests/s`,
    '',
    table([[...heading, 'refused p50', 'refused p99', 'MB before / most / after'], ...rows]),
    '',
    `as before after                 ${whole(recoveredAfter)} s`,
    `stored = acknowledged           ${stored.rows === stored.acknowledged ? 'yes' : `NO: ${whole(stored.rows)} of ${whole(stored.acknowledged)}`}`,
    ...(costs.length === 0
      ? []
      : [
          '',
          table([
            [
              'API processes',
              'events/s',
              'refused',
              'other',
              'p50 ms',
              'p99 ms',
              'CPU µs/event, API',
              'CPU µs/event, all',
            ],
            ...costs.map((one) => [
              one.replicas,
              one.eventsPerSecond,
              one.refused,
              one.faults,
              one.p50Ms,
              one.p99Ms,
              ms(one.apiUsPerEvent),
              ms(one.allUsPerEvent),
            ]),
          ]),
        ]),
  ].join('\n');
}

await measure(async () => {
  const server = await Server.start();
  const warm = await server.project('capacity');
  note('what the server can carry …');
  const capacity = await capacityOf(server, warm);
  const project = await server.project('overload');
  const levels = [];
  for (const times of LEVELS) levels.push(await levelOf(server, project, capacity, times));
  const recoveredAfter = await recovery(server, warm, capacity, levels[0].p99Ms);
  const acknowledged = levels.reduce((sum, one) => sum + one.acknowledged, 0);
  let rows = await server.stored(project.id);
  // What was answered 202 is readable a moment later.
  for (let waited = 0; waited < 60 && rows < acknowledged; waited++) {
    await sleep(1_000);
    rows = await server.stored(project.id);
  }
  await server.stop();
  const costs = [];
  if (values['curve-only'] !== true)
    for (const replicas of [1, 2]) costs.push(await costWith(replicas, Math.max(1, capacity * 0.5)));

  const report = {
    date: new Date().toISOString(),
    machine: `${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`,
    seconds,
    batch,
    capacity,
    levels,
    recoveredAfter,
    stored: { rows, acknowledged },
    costs,
  };
  process.stdout.write(`${values.json === true ? JSON.stringify(report, null, 2) : show(report)}\n`);
  const faults = [...levels, ...costs].reduce((sum, one) => sum + one.faults, 0);
  return faults === 0 && rows === acknowledged && recoveredAfter <= 10 ? 0 : 1;
});
