// How fast are the directory, profiles, timelines and sessions, beside the same questions by hand, and how long does an erasure take?
//   npm run bench:visitors -- [--dir PATH] [--only big] [--calls 20] [--match TEXT] [--out FILE]
//   npm run bench:visitors -- --erase [--dir PATH] [--only big] [--visitors 1000] [--out FILE]
//   --erase: erases visitors of the data set, one and then many at once. It DELETES their events: use a copy.
// The data set is one of `npm run bench:data`.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { byHand, call } from './support/ask.mjs';
import { measure } from './support/clean.mjs';
import { dataFolder, DataSet } from './support/data-set.mjs';
import { percentile } from './support/percentile.mjs';
import { root } from './support/server.mjs';
import { ms, ratio, table, whole } from './support/show.mjs';
import { askedAbout, LISTED_DAYS, someVisitors, visitorQuestions } from './support/visitor-questions.mjs';

const { startProgress, terminal } = createRequire(import.meta.url)(join(root, 'dist', 'cli', 'command.js'));
const text = { type: 'string' };
const { values } = parseArgs({
  options: { dir: text, only: text, calls: text, match: text, out: text, visitors: text, erase: { type: 'boolean' } },
});
const calls = Number(values.calls ?? 20);
const many = Number(values.visitors ?? 1_000);
const dir = dataFolder(values.dir);
const only = values.only ?? 'big';
if (!(calls >= 1) || !(many >= 1) || !['small', 'medium', 'big'].includes(only)) {
  process.stderr.write('--calls and --visitors are positive numbers, --only one of small, medium and big\n');
  process.exit(2);
}
const note = (line) => process.stderr.write(`${line}\n`);

/** Where calls take seconds, fewer of them will do. */
const MOST_MS_A_CELL = 60_000;
/** Deletions that are asked for at once. */
const LANES = 8;
const MOST_ERASING_MS = 3_600_000;

/** Rows that the server has read from the warehouse for all questions so far. */
async function rowsRead(server) {
  const said = await (await fetch(`${server.url}/metrics`)).text();
  return [...said.matchAll(/^millrace_clickhouse_read_rows_sum\{[^}]*\} (\S+)$/gm)].reduce(
    (sum, [, rows]) => sum + Number(rows),
    0,
  );
}

/** One question: each call is about a range that ends a day earlier, or another visitor. Nothing of these routes is kept between calls. */
async function measureQuestion(set, server, project, visitors, question) {
  const about = (back) => askedAbout(project, set.state.endMs, visitors, question, back);
  /** The path to measure: of a second page the first is asked before, outside the time. */
  const pathOf = async (back) => {
    const path = question.path(about(back));
    if (question.second !== true) return path;
    const { status, body } = await call(server, project, path);
    return status === 200 && body.page.next !== null ? `${path}&cursor=${encodeURIComponent(body.page.next)}` : path;
  };
  const times = [];
  const read = [];
  const startedAt = performance.now();
  // The first is a warm-up.
  for (let back = 0; back <= calls && performance.now() - startedAt < MOST_MS_A_CELL; back += 1) {
    const path = await pathOf(back);
    const before = await rowsRead(server);
    const answer = await call(server, project, path);
    if (answer.status !== 200) return { question: question.name, failed: answer.status, hand: {} };
    if (back === 0) continue;
    times.push(answer.ms);
    read.push((await rowsRead(server)) - before);
  }
  const hand = await byHand(set.engine, project, { byHand: () => question.byHand(about(1)) }, LISTED_DAYS, {
    endMs: set.state.endMs,
  });
  return {
    question: question.name,
    p50: percentile(times, 0.5),
    p95: percentile(times, 0.95),
    calls: times.length,
    rowsRead: percentile(read, 0.5),
    hand: hand.failed === undefined ? { ms: hand.ms, rowsRead: hand.rowsRead } : hand,
  };
}

const showQuestions = (rows) =>
  table([
    ['Question', 'p50 ms', 'p95 ms', 'calls', 'rows read', 'by hand ms', 'its rows', 'ratio'],
    ...rows.map(({ question, p50, p95, calls: times, rowsRead: read, failed, hand }) => [
      question,
      failed === undefined ? ms(p50) : `status ${failed}`,
      ms(p95),
      times ?? '-',
      whole(read),
      hand.failed ?? ms(hand.ms),
      whole(hand.rowsRead),
      ratio(p50 / hand.ms),
    ]),
  ]);

/** Rows that the tables still hold of these visitors, replaced ones included. @param onDisk hidden ones too */
async function leftOf(set, project, visitors, onDisk = false) {
  let left = 0;
  for (const name of ['events', 'visitor_links'])
    for (let at = 0; at < visitors.length; at += 1_000) {
      const list = visitors.slice(at, at + 1_000).map((visitor) => `${BigInt(`0x${visitor}`)}`);
      const { rows } = await set.engine.query(
        `SELECT count() AS many FROM ${name} WHERE project_id = ${project.number} AND visitor_id IN (${list.join(', ')}) SETTINGS apply_deleted_mask = ${onDisk ? 0 : 1}`,
      );
      left += Number(rows[0].many);
    }
  return left;
}

/** Progress from which on a job says that no question finds a row, nor ever will. */
const HIDDEN = 0.5;

/** Seconds from a moment until every job has come so far. */
async function secondsUntil(server, project, jobs, since, hasCome) {
  for (const id of jobs)
    for (;;) {
      const { status, body } = await call(server, project, `/jobs/${id}`);
      if (status !== 200 || body.state === 'failed') throw new Error(`job ${id}: ${status} ${JSON.stringify(body)}`);
      if (hasCome(body)) break;
      if (performance.now() - since > MOST_ERASING_MS) throw new Error('erasures took more than an hour');
      await sleep(250);
    }
  return (performance.now() - since) / 1000;
}

/** Asks for the deletion of these visitors at once, and waits until no row is found, until each job says that none will be, and until each
 *  says that it is done. */
async function erase(set, server, project, visitors) {
  const before = await leftOf(set, project, visitors);
  const startedAt = performance.now();
  const jobs = [];
  let unknown = 0;
  const waiting = [...visitors];
  const lane = async () => {
    for (let visitor = waiting.pop(); visitor !== undefined; visitor = waiting.pop()) {
      const answer = await fetch(`${server.url}/api/v1/visitors/${visitor}`, {
        method: 'DELETE',
        headers: { 'x-api-key': server.rootKey, 'x-project-id': project.id },
      });
      const body = await answer.json();
      if (answer.status === 202) jobs.push(body.job.id);
      // Gone already, with the user of another one.
      else if (answer.status === 404) unknown += 1;
      else throw new Error(`an erasure was answered ${answer.status}: ${JSON.stringify(body)}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const asked = (performance.now() - startedAt) / 1000;
  while ((await leftOf(set, project, visitors)) > 0) await sleep(250);
  const zero = (performance.now() - startedAt) / 1000;
  const hidden = await secondsUntil(server, project, jobs, startedAt, ({ progress }) => progress >= HIDDEN);
  const done = await secondsUntil(server, project, jobs, startedAt, ({ state }) => state === 'completed');
  return {
    visitors: visitors.length,
    unknown,
    before,
    askedSeconds: asked,
    zeroSeconds: zero,
    hiddenSeconds: hidden,
    doneSeconds: done,
    left: await leftOf(set, project, visitors, true),
  };
}

const showErasures = (rows) =>
  table([
    [
      'Visitors',
      'rows before',
      'all asked for after s',
      'no row found after s',
      'all hidden for good after s',
      'off the disk after s',
      'rows left',
    ],
    ...rows.map(({ visitors, before, askedSeconds, zeroSeconds, hiddenSeconds, doneSeconds, left }) => [
      whole(visitors),
      whole(before),
      ms(askedSeconds),
      ms(zeroSeconds),
      ms(hiddenSeconds),
      ms(doneSeconds),
      whole(left),
    ]),
  ]);

await measure(async () => {
  const set = await DataSet.open(dir);
  if (set.state === undefined) throw new Error(`${set.folder} holds no data set of bench:data`);
  const project = set.state.projects[only];
  const server = await set.startServer();
  note('looking for visitors …');
  const erased = values.erase === true ? many + 1 : 0;
  const visitors = await someVisitors(set.engine, project, set.state.endMs, calls + 1, erased);
  process.stdout.write(
    `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, project "${only}"\n\n`,
  );
  let rows;
  if (values.erase === true) {
    note(`This DELETES the events of ${whole(erased)} visitors in ${set.folder}.`);
    const [one, ...others] = visitors.erased;
    rows = [await erase(set, server, project, [one])];
    rows.push(await erase(set, server, project, others));
    process.stdout.write(`${showErasures(rows)}\n`);
  } else {
    const asked = visitorQuestions.filter(({ name }) => values.match === undefined || name.includes(values.match));
    const progress = startProgress(terminal, 'asking', asked.length);
    rows = [];
    for (const question of asked) {
      progress.at(rows.length, question.name);
      rows.push(await measureQuestion(set, server, project, visitors, question));
    }
    progress.stop();
    process.stdout.write(`Lists over ${LISTED_DAYS} days\n${showQuestions(rows)}\n`);
  }
  if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(rows)}\n`);
  await server.stop();
  return rows.some(({ failed, left }) => failed !== undefined || (left ?? 0) > 0) ? 1 : 0;
});
