// How many events a second does Millrace acknowledge, and what is that beside the bare engine and a bare server, on this machine, now?
//   npm run bench:ingest -- [--seconds 30] [--connections 32] [--json]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runBareEngine } from './support/bare-engine.mjs';
import { atEnd, cleanUp, measure } from './support/clean.mjs';
import { Body } from './support/events.mjs';
import { runLoad } from './support/load.mjs';
import { cpuOf, residentMbOf } from './support/processes.mjs';
import { Server } from './support/server.mjs';
import { bars, ms, ratio, table, whole } from './support/show.mjs';

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, connections: { type: 'string' }, json: { type: 'boolean' } },
});
const seconds = Number(values.seconds ?? 30);
const connections = Number(values.connections ?? 32);
if (!(seconds > 0) || !(connections > 0)) {
  process.stderr.write('--seconds and --connections must be positive numbers\n');
  process.exit(2);
}
const note = (text) => process.stderr.write(`${text}\n`);

const SHAPES = [
  { name: 'batches of 100', path: '/api/v1/events/batch', size: 100, bodiesPerLane: 8 },
  { name: 'batches of 1,000', path: '/api/v1/events/batch', size: 1_000, bodiesPerLane: 2 },
  { name: 'one by one', path: '/api/v1/events', size: 0, bodiesPerLane: 64 },
];

/** Each shape into a project of its own, so that stored and acknowledged can be compared for each. */
async function measureApi() {
  const server = await Server.start();
  const warm = await server.project('warm-up');
  await load({ ...SHAPES[0], port: server.port, key: warm.sec }, Math.min(3, seconds));
  const figures = [];
  for (const shape of SHAPES) {
    note(`Millrace, ${shape.name} …`);
    const project = await server.project(shape.name);
    const cpuBefore = cpuOf(server.pid);
    const result = await load({ ...shape, port: server.port, key: project.sec }, seconds);
    const cpuUs = cpuOf(server.pid) - cpuBefore;
    figures.push({
      name: shape.name,
      ...figuresOf(result),
      cpuUsPerEvent: cpuUs / result.acknowledged,
      stored: await server.stored(project.id),
      residentMb: residentMbOf(server.pid),
    });
  }
  await server.stop();
  return figures;
}

async function measureBareServer() {
  const child = fork(fileURLToPath(new URL('support/bare-server.mjs', import.meta.url)), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  atEnd(() => child.kill('SIGKILL'));
  const [{ port }] = await once(child, 'message');
  const figures = [];
  for (const shape of SHAPES) {
    note(`a bare node:http server, ${shape.name} …`);
    // It keeps nothing and varies little: a third of the time is enough.
    const result = await load({ ...shape, port, key: 'none' }, Math.max(1, seconds / 3));
    figures.push({ name: shape.name, ...figuresOf(result) });
  }
  child.kill('SIGKILL');
  return figures;
}

const load = ({ port, path, key, size, bodiesPerLane }, forSeconds) =>
  runLoad({
    port,
    path,
    key,
    seconds: forSeconds,
    connections,
    bodies: () => Array.from({ length: bodiesPerLane }, () => new Body(size)),
    acceptedOf: (text) => JSON.parse(text).accepted,
  });

const figuresOf = (result) => ({
  eventsPerSecond: result.rate,
  acknowledged: result.acknowledged,
  requests: result.requests,
  p50Ms: result.percentile(0.5),
  p99Ms: result.percentile(0.99),
  non2xx: result.non2xx,
  broken: result.broken,
});

function show({ machine, date, api, bareEngine, bareServer, ratios }) {
  const rows = api.map((one) => [
    one.name,
    one.eventsPerSecond,
    ms(one.p50Ms),
    ms(one.p99Ms),
    ms(one.cpuUsPerEvent),
    one.non2xx + one.broken,
    one.acknowledged,
    one.stored,
    one.residentMb,
  ]);
  return [
    `${date.slice(0, 10)}, ${machine}; ${connections} connections, ${seconds} s each`,
    '',
    table([
      ['Millrace', 'events/s', 'p50 ms', 'p99 ms', 'CPU µs/event', 'not 2xx', 'acknowledged', 'stored', 'MB'],
      ...rows,
    ]),
    '',
    table([
      ['Beside it', 'events/s'],
      ['bare engine, blocks of 5,000 rows', bareEngine.eventsPerSecond],
      ...bareServer.map((one) => [`bare node:http + JSON.parse, ${one.name}`, one.eventsPerSecond]),
    ]),
    '',
    bars([
      ...api.slice(0, 2).map((one) => [one.name, one.eventsPerSecond]),
      ['bare engine', bareEngine.eventsPerSecond],
    ]),
    '',
    bars([
      ['one by one', api[2].eventsPerSecond],
      ['bare server', bareServer[2].eventsPerSecond],
    ]),
    '',
    `batches of 100 : bare engine    ${ratio(ratios.batchesOf100ToEngine)}`,
    `batches of 1,000 : bare engine  ${ratio(ratios.batchesOf1000ToEngine)}`,
    `one by one : bare server        ${ratio(ratios.singlesToBareServer)}`,
    `stored = acknowledged           ${api.every((one) => one.stored === one.acknowledged) ? 'yes' : `NO: ${api.map((one) => `${whole(one.stored)} of ${whole(one.acknowledged)}`).join(', ')}`}`,
  ].join('\n');
}

await measure(async () => {
  const apiFigures = await measureApi();
  const bareServer = await measureBareServer();
  await cleanUp();
  note('the bare engine, blocks of 5,000 rows …');
  const engine = await runBareEngine(seconds);
  const engineRate = engine.rows / engine.seconds;

  const report = {
    date: new Date().toISOString(),
    machine: `${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`,
    seconds,
    connections,
    api: apiFigures,
    bareEngine: { eventsPerSecond: engineRate, sent: engine.rows, stored: engine.stored },
    bareServer,
    ratios: {
      batchesOf100ToEngine: apiFigures[0].eventsPerSecond / engineRate,
      batchesOf1000ToEngine: apiFigures[1].eventsPerSecond / engineRate,
      singlesToBareServer: apiFigures[2].eventsPerSecond / bareServer[2].eventsPerSecond,
    },
  };
  process.stdout.write(`${values.json === true ? JSON.stringify(report, null, 2) : show(report)}\n`);
  const whole = apiFigures.every((one) => one.stored === one.acknowledged) && engine.stored === engine.rows;
  return whole ? 0 : 1;
});
