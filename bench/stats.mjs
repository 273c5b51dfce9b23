// How fast are statistics, beside the same questions asked of raw events by hand, and what do charts and ingest cost each other?
//   npm run bench:stats -- [--dir PATH] [--only small,medium,big] [--calls 20] [--api] [--out FILE]
//   --api: without the questions by hand, which take most of the time
//   npm run bench:stats -- --ingest [--dir PATH] [--only big] [--seconds 30] [--out FILE]
// The data set is one of `npm run bench:data`.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { byHand, call, throughApi, untilDerived } from './support/ask.mjs';
import { percentile } from './support/percentile.mjs';
import { measure } from './support/clean.mjs';
import { dataFolder, DataSet } from './support/data-set.mjs';
import { atRate, liveBatch } from './support/paced-load.mjs';
import { cpuOf } from './support/processes.mjs';
import { pathOf, questions, RANGES, rangeOf } from './support/questions.mjs';
import { root } from './support/server.mjs';
import { ms, ratio, table, whole } from './support/show.mjs';

const { startProgress, terminal } = createRequire(import.meta.url)(join(root, 'dist', 'cli', 'command.js'));

const EVENTS_PER_SECOND = 2_000;
const BATCH = 100;
const CHARTS_PER_SECOND = 5;
const QUIET_SECONDS = 60;

const { values } = parseArgs({
  options: {
    dir: { type: 'string' },
    only: { type: 'string' },
    calls: { type: 'string' },
    seconds: { type: 'string' },
    out: { type: 'string' },
    ingest: { type: 'boolean' },
    api: { type: 'boolean' },
  },
});
const calls = Number(values.calls ?? 20);
const seconds = Number(values.seconds ?? 30);
const dir = dataFolder(values.dir);
const only = (values.only ?? 'small,medium,big').split(',');
if (!(calls >= 1) || !(seconds >= 1) || !only.every((name) => ['small', 'medium', 'big'].includes(name))) {
  process.stderr.write('--calls and --seconds are positive numbers, --only is a list of small, medium and big\n');
  process.exit(2);
}
const note = (text) => process.stderr.write(`${text}\n`);

/** Lets the server derive what it has not yet. On a new data set this is its whole history: how long that takes is a figure too. */
async function waitFor(server, name, project) {
  const startedAt = performance.now();
  const progress = startProgress(terminal, `${name}: deriving`, 1_000);
  await untilDerived(server, project, (share) => progress.at(Math.floor(share * 1_000), ''));
  progress.stop();
  note(`${name}: derived after ${whole((performance.now() - startedAt) / 1000)} s`);
}

/** Every question over every range of one project. */
async function measureProject(set, server, name) {
  const project = set.state.projects[name];
  const { endMs } = set.state;
  await waitFor(server, name, project);
  const progress = startProgress(terminal, `${name}: asking`, questions.length * RANGES.length);
  const cells = [];
  for (const question of questions) {
    for (const days of RANGES) {
      const title = days === 1 ? (question.hourly ?? question.name) : question.name;
      progress.at(cells.length, `${title}, ${days} d`);
      const api = await throughApi(server, project, question, days, { calls, endMs });
      const raw = values.api === true ? { failed: '-' } : await byHand(set.engine, project, question, days, { endMs });
      cells.push({ question: title, days, api, raw });
    }
  }
  progress.stop();
  return cells;
}

/** Three decimals are more than a measurement knows. */
const rounded = (_key, value) =>
  typeof value === 'number' && !Number.isInteger(value) ? Math.round(value * 1_000) / 1_000 : value;

const share = (part, all) => (part === undefined || !(all > 0) ? '-' : `${((100 * part) / all).toFixed(2)} %`);
const difference = ({ figure }, { figure: wanted }) =>
  figure === undefined || wanted === undefined
    ? '-'
    : `${((100 * Math.abs(figure - wanted)) / (wanted || 1)).toFixed(2)} %`;

const showProject = (cells) =>
  table([
    [
      'Question',
      'days',
      'p50 ms',
      'p95 ms',
      'calls',
      'rows read',
      'by hand ms',
      'its rows',
      'of them read',
      'x faster',
      'differs',
    ],
    ...cells.map(({ question, days, api, raw }) => [
      question,
      days,
      api.failed === undefined ? ms(api.p50) : `status ${api.failed}`,
      ms(api.p95),
      api.calls,
      whole(api.rowsRead),
      raw.failed ?? ms(raw.ms),
      whole(raw.rowsRead),
      share(api.rowsRead, raw.rowsRead),
      ratio(raw.ms / api.p50),
      difference(api, raw),
    ]),
  ]);

/** A project of its own takes the events, so that the data set stays as it is. */
async function ingestProject(set, server) {
  const name = 'ingest';
  const [known] = await set.postgres('SELECT id FROM projects WHERE name = $1 AND deleted_at IS NULL', [name]);
  return known ?? (await server.project(name));
}

/** CPU seconds that server and stores take while something runs. */
async function withCpu(set, server, work) {
  const now = () => [server.pid, ...set.pids].reduce((sum, pid) => sum + cpuOf(pid), 0) / 1e6;
  const before = now();
  const startedAt = performance.now();
  const result = await work();
  const took = (performance.now() - startedAt) / 1000;
  const cpu = now() - before;
  return { ...result, seconds: took, cpuSeconds: cpu, cores: cpu / took };
}

/** Ingest at a modest, fixed rate, alone and beside charts of the largest project; and what a quiet server costs before and after. */
async function measureIngest(set, server) {
  const charted = set.state.projects[only.at(-1)];
  await waitFor(server, only.at(-1), charted);
  const project = await ingestProject(set, server);
  const send = async () => {
    const answer = await server.ask('POST', '/events/batch', { body: liveBatch(BATCH), project: project.id });
    if (answer.accepted !== BATCH) throw new Error(`only ${answer.accepted} were accepted`);
  };
  const charts = questions.flatMap((question) => RANGES.map((days) => ({ question, days })));
  const ask = async (turn) => {
    const { question, days } = charts[turn % charts.length];
    const range = rangeOf(set.state.endMs, days, Math.floor(turn / charts.length));
    const { status } = await call(server, charted, pathOf(question, days, range));
    if (status !== 200) throw new Error(`status ${status}`);
  };
  const ingest = () => atRate(EVENTS_PER_SECOND / BATCH, seconds, send);
  const quiet = () => sleep(QUIET_SECONDS * 1000);

  note('warming up …');
  await atRate(EVENTS_PER_SECOND / BATCH, 3, send);
  const phases = [];
  const phase = async (name, work) => {
    note(`${name} …`);
    phases.push({ name, ...(await withCpu(set, server, work)) });
  };
  await phase('quiet', quiet);
  await phase('ingest', ingest);
  await phase('quiet after it', quiet);
  await phase('ingest and charts', async () => {
    const [load, asked] = await Promise.all([ingest(), atRate(CHARTS_PER_SECOND, seconds, ask)]);
    return { ...load, charts: asked };
  });
  const shown = (load) =>
    load?.latencies && {
      p50: percentile(load.latencies, 0.5),
      p99: percentile(load.latencies, 0.99),
      requests: load.latencies.length,
      failed: load.failed,
    };
  return phases.map(({ name, cpuSeconds, cores, seconds: took, charts: asked, ...load }) => ({
    name,
    seconds: took,
    cpuSeconds,
    cores,
    ingest: shown(load),
    charts: shown(asked),
  }));
}

const showIngest = (phases) => {
  const of = (name) => phases.find((one) => one.name === name);
  return [
    table([
      ['Phase', 'seconds', 'CPU s', 'cores', 'batch p50 ms', 'p99 ms', 'failed', 'chart p50 ms', 'p99 ms', 'failed'],
      ...phases.map((one) => [
        one.name,
        one.seconds,
        ms(one.cpuSeconds),
        ratio(one.cores),
        ms(one.ingest?.p50),
        ms(one.ingest?.p99),
        one.ingest?.failed ?? '-',
        ms(one.charts?.p50),
        ms(one.charts?.p99),
        one.charts?.failed ?? '-',
      ]),
    ]),
    '',
    `${whole(EVENTS_PER_SECOND)} events/s in batches of ${BATCH}, ${CHARTS_PER_SECOND} charts/s of "${only.at(-1)}"`,
    `p99 of ingest with charts : without   ${ratio(of('ingest and charts').ingest.p99 / of('ingest').ingest.p99)}`,
  ].join('\n');
};

await measure(async () => {
  const set = await DataSet.open(dir);
  if (set.state === undefined) throw new Error(`${set.folder} holds no data set of bench:data`);
  const server = await set.startServer();
  const report = {
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memoryMb: Math.round(totalmem() / 1_048_576),
    },
    node: process.version,
    dataSet: { rows: set.state.rows, seed: set.state.seed, end: new Date(set.state.endMs).toISOString() },
  };
  const { cpu, cores, memoryMb } = report.machine;
  process.stdout.write(
    `${report.date.slice(0, 10)}, ${cores} x ${cpu}, ${whole(memoryMb)} MB, Node ${report.node}\n\n`,
  );
  if (values.ingest === true) {
    report.ingest = await measureIngest(set, server);
    process.stdout.write(`${showIngest(report.ingest)}\n`);
  } else {
    report.projects = {};
    for (const name of only) {
      report.projects[name] = await measureProject(set, server, name);
      process.stdout.write(`Project "${name}"\n${showProject(report.projects[name])}\n\n`);
    }
  }
  if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(report, rounded)}\n`);
  await server.stop();
  return 0;
});
