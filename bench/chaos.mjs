// Does the promise hold when things break? Every trial of bench/chaos/, one after the other, and a table of what was broken and what was lost.
//   npm run chaos -- [--only name,number…] [--short] [--json] [--list]
//   --short: each trial in a minute at most; --json: results as JSON; --list: what there is
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import { table } from './support/show.mjs';

/** After so long a trial is ended and broken, unless it says another `limitSeconds`. */
const LIMIT_SECONDS = 900;
/** What an ended trial gets to end what it started. */
const CLEAN_UP_MS = 20_000;
const COLUMNS = ['test', 'load', 'faults', 'acknowledged', 'lost', 'doubled', 'verdict', 'seconds'];
/** Of the columns of the table that hold words. */
const WORDS_WIDTH = 34;

const flag = { type: 'boolean', default: false };
const { values } = parseArgs({ options: { only: { type: 'string' }, short: flag, json: flag, list: flag } });
const here = fileURLToPath(new URL('.', import.meta.url));

/** @returns all trials by their number, each with the file that holds it */
async function allTrials() {
  const folder = join(here, 'chaos');
  const files = readdirSync(folder).filter((name) => name.endsWith('.mjs'));
  const trials = await Promise.all(
    files.map(async (name) => {
      const file = join(folder, name);
      const { trial } = await import(pathToFileURL(file).href);
      if (trial === undefined) throw new Error(`bench/chaos/${name} exports no trial`);
      return { ...trial, file };
    }),
  );
  return trials.sort((a, b) => a.number - b.number);
}

function chosen(trials) {
  if (values.only === undefined) return trials;
  const wanted = values.only.split(',').map((text) => text.trim());
  const unknown = wanted.filter((text) => !trials.some(({ name, number }) => name === text || String(number) === text));
  if (unknown.length > 0) {
    process.stderr.write(`no trial is called ${unknown.join(', ')}; --list shows what there is\n`);
    process.exit(2);
  }
  return trials.filter(({ name, number }) => wanted.includes(name) || wanted.includes(String(number)));
}

/** Runs a trial to its end, whatever end that is. @returns its row of the table; `held` undefined: not possible on this machine */
async function runTrial(trial, note) {
  const startedAt = performance.now();
  let said;
  const child = fork(join(here, 'support', 'chaos-trial.mjs'), [trial.file, values.short ? 'short' : 'long'], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  running = child;
  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (tail = (tail + text).slice(-4_000)));
  child.on('message', (message) => {
    if (message.note !== undefined) note(message.note);
    else said = message;
  });
  const ended = once(child, 'exit');
  const limit = trial.limitSeconds ?? LIMIT_SECONDS;
  const isLate = await Promise.race([
    ended.then(() => false),
    sleep(limit * 1_000, true, { signal: abort.signal, ref: false }).catch(() => false),
  ]);
  if (isLate) await end(child);
  await ended;
  running = undefined;

  const { number, name, load, faults } = trial;
  const seconds = (performance.now() - startedAt) / 1_000;
  const row = { number, name, load, faults, acknowledged: 0, lost: 0, doubled: 0, held: false, details: [], seconds };
  if (said?.result !== undefined) {
    const { impossible, ...result } = said.result;
    if (impossible !== undefined) return { ...row, held: undefined, details: [`not possible here: ${impossible}`] };
    return { ...row, ...result };
  }
  const why = isLate ? `it took more than ${limit} s` : (said?.failed ?? `it ended without a result:\n${tail}`);
  return { ...row, details: [why] };
}

async function end(child) {
  child.kill('SIGTERM');
  const isOver = once(child, 'exit').then(() => true);
  if (!(await Promise.race([isOver, sleep(CLEAN_UP_MS, false, { ref: false })]))) child.kill('SIGKILL');
}

/** A bar where a person looks on, lines for a log. */
function progressOf(total) {
  if (!process.stderr.isTTY) {
    const write = (line) => void process.stderr.write(`${line}\n`);
    return { begin: (trial) => write(`== ${title(trial)}`), note: write, done: () => undefined, stop: () => undefined };
  }
  const format = 'chaos [{bar}] {value}/{total} {trial}  {note}';
  const bar = new SingleBar({ format, barsize: 24, hideCursor: true, stream: process.stderr }, Presets.shades_classic);
  bar.start(total, 0, { trial: '', note: '' });
  return {
    begin: (trial) => bar.update({ trial: title(trial), note: '' }),
    note: (line) => bar.update({ note: line.split('\n')[0].slice(0, 80) }),
    done: () => bar.increment(),
    stop: () => bar.stop(),
  };
}

const title = ({ number, name }) => `${number} ${name}`;
const verdictOf = ({ held }) => (held === undefined ? 'not possible' : held ? 'held' : 'BROKEN');

/** Words in lines of so many characters at most. */
function wrapped(text, width = WORDS_WIDTH) {
  const lines = [''];
  for (const word of text.split(' ')) {
    if (lines.at(-1) !== '' && lines.at(-1).length + 1 + word.length > width) lines.push('');
    lines.push(`${lines.pop()} ${word}`.trim());
  }
  return lines;
}

/** A row of the table, in as many lines as its words need. */
function linesOfRow(row) {
  const [load, faults] = [wrapped(row.load), wrapped(row.faults)];
  const figures = [row.acknowledged, row.lost, row.doubled, verdictOf(row), row.seconds];
  return Array.from({ length: Math.max(load.length, faults.length) }, (_, line) => [
    line === 0 ? title(row) : '',
    load[line] ?? '',
    faults[line] ?? '',
    ...(line === 0 ? figures : figures.map(() => '')),
  ]);
}

/** How it went as a whole, and how long it took. */
function totalOf(rows) {
  const broken = rows.filter(({ held }) => held === false).length;
  const impossible = rows.filter(({ held }) => held === undefined).length;
  const minutes = rows.reduce((sum, row) => sum + row.seconds, 0) / 60;
  return [
    `${rows.length} ${rows.length === 1 ? 'trial' : 'trials'} in ${minutes.toFixed(1)} minutes`,
    `${broken} broken`,
    ...(impossible === 0 ? [] : [`${impossible} not possible here`]),
  ].join(', ');
}

const show = (rows) =>
  [
    table([COLUMNS, ...rows.flatMap(linesOfRow)], 3),
    `\n${totalOf(rows)}`,
    ...rows
      .filter(({ details }) => details.length > 0)
      .map((row) => [`\n${title(row)}: ${verdictOf(row)}`, ...row.details.map((line) => `  ${line}`)].join('\n')),
  ].join('\n');

let running;
const abort = new AbortController();
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
])
  process.once(signal, () => {
    // The trial ends what it started; Ctrl-C reaches it too, and a second signal does no harm.
    const over = running === undefined ? Promise.resolve() : end(running);
    void over.finally(() => process.exit(code));
  });

const trials = chosen(await allTrials());
if (values.list) {
  const rows = trials.flatMap((one) => linesOfRow(one).map((cells) => cells.slice(0, 3)));
  process.stdout.write(`${table([['test', 'load', 'faults'], ...rows], 3)}\n`);
  process.exit(0);
}
const progress = progressOf(trials.length);
const rows = [];
for (const trial of trials) {
  progress.begin(trial);
  rows.push(await runTrial(trial, progress.note));
  progress.done();
}
progress.stop();
process.stdout.write(`${values.json ? JSON.stringify(rows) : show(rows)}\n`);
process.exit(rows.every(({ held }) => held !== false) ? 0 : 1);
