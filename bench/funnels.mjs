// How fast are funnels, retention and journeys on the data set of `npm run bench:data`, beside the quickest statement by hand?
//   npm run bench:funnels -- [--dir PATH] [--only big] [--calls 20] [--match TEXT] [--auto] [--out FILE]
//   --auto: without `exact` and the questions by hand, which take most of the time
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { byHand, call } from './support/ask.mjs';
import { percentile } from './support/percentile.mjs';
import { measure } from './support/clean.mjs';
import { dataFolder, DataSet } from './support/data-set.mjs';
import { askedOf, sequenceQuestions } from './support/sequence-questions.mjs';
import { root } from './support/server.mjs';
import { ms, ratio, table, whole } from './support/show.mjs';

const { startProgress, terminal } = createRequire(import.meta.url)(join(root, 'dist', 'cli', 'command.js'));
const text = { type: 'string' };
const { values } = parseArgs({
  options: { dir: text, only: text, calls: text, match: text, out: text, auto: { type: 'boolean' } },
});
const precisions = values.auto === true ? ['auto'] : ['auto', 'exact'];
const calls = Number(values.calls ?? 20);
const dir = dataFolder(values.dir);
const only = values.only ?? 'big';
if (!(calls >= 1) || !['small', 'medium', 'big'].includes(only)) {
  process.stderr.write('--calls is a positive number, --only one of small, medium and big\n');
  process.exit(2);
}
/** Where calls take seconds, fewer of them will do. */
const MOST_MS_A_CELL = 60_000;

/** Most memory that a process has held since it was last asked, MB. Linux alone knows. */
const peakOf = (pid) => {
  try {
    const [, kb = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kb) / 1024;
  } catch {
    return Number.NaN;
  }
};
const forgetPeak = (pid) => {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Not on this system: the peak is that of the whole run.
  }
};

/** One question over one range at one precision. Each call has a range that ends a day earlier: none repeats another. */
async function measureCell(set, server, project, question, days, precision) {
  const { endMs } = set.state;
  const ask = (back) => {
    const { path, body } = askedOf(question, days, precision, endMs, back);
    return call(server, project, path, body);
  };
  const first = await ask(0);
  if (first.status !== 200) return { failed: first.status };
  const engine = set.stores.pids.clickhouse;
  forgetPeak(engine);
  const before = peakOf(engine);
  const times = [];
  const startedAt = performance.now();
  for (let back = 1; back <= calls && performance.now() - startedAt < MOST_MS_A_CELL; back += 1) {
    const answer = await ask(back);
    if (answer.status !== 200) return { failed: answer.status };
    times.push(answer.ms);
  }
  const peak = peakOf(engine) - before;
  const { path, body } = askedOf(question, days, precision, endMs);
  const told = await call(
    server,
    project,
    body === undefined ? `${path}&explain=true` : path,
    body && { ...body, explain: true },
  );
  return {
    p50: percentile(times, 0.5),
    p95: percentile(times, 0.95),
    calls: times.length,
    rowsRead: told.body?.meta?.explain?.rows,
    sample: told.body?.meta?.sampleFraction,
    error: Math.max(0, ...Object.values(told.body?.meta?.relativeError ?? {})),
    figure: question.figureOf(first.body),
    peak,
  };
}

await measure(async () => {
  const set = await DataSet.open(dir);
  if (set.state === undefined) throw new Error(`${set.folder} holds no data set of bench:data`);
  const server = await set.startServer({ QUERY_TIMEOUT_MS: '60000', QUERY_MEMORY_MB: '6000' });
  const project = set.state.projects[only];
  const asked = sequenceQuestions.filter(({ name }) => values.match === undefined || name.includes(values.match));
  const progress = startProgress(terminal, 'asking', asked.flatMap(({ days }) => days).length * precisions.length);
  const rows = [];
  let done = 0;
  for (const question of asked) {
    for (const days of question.days) {
      const hand =
        values.auto === true
          ? {}
          : await byHand(set.engine, project, { ...question, zone: 'UTC' }, days, { endMs: set.state.endMs });
      for (const precision of precisions) {
        progress.at(done, `${question.name}, ${days} d, ${precision}`);
        const cell = await measureCell(set, server, project, question, days, precision);
        rows.push({ question: question.name, days, precision, ...cell, hand });
        done += 1;
      }
    }
  }
  progress.stop();
  process.stdout.write(
    `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, project "${only}"\n\n` +
      `${table([
        [
          'Question',
          'days',
          'precision',
          'p50 ms',
          'p95 ms',
          'calls',
          'rows read',
          'sample',
          'error',
          'peak MB',
          'by hand ms',
          'ratio',
        ],
        ...rows.map((row) => [
          row.question,
          row.days,
          row.precision,
          row.failed === undefined ? ms(row.p50) : `status ${row.failed}`,
          ms(row.p95),
          row.calls ?? 0,
          whole(row.rowsRead),
          row.sample === undefined ? '-' : `1/${Math.round(1 / row.sample)}`,
          row.error > 0 ? `${(100 * row.error).toFixed(1)} %` : '-',
          whole(row.peak),
          row.hand.failed ?? (row.hand.ms === undefined ? '-' : ms(row.hand.ms)),
          row.hand.ms === undefined ? '-' : ratio(row.p50 / row.hand.ms),
        ]),
      ])}\n`,
  );
  if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(rows)}\n`);
  await server.stop();
  return 0;
});
