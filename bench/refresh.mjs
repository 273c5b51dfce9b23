// What does it cost to keep derived rows up to date while events come in? Quarter hours of so many events a second are put straight into the
// engine, the server's clock moves from one to the next, and what it and the stores use until all is derived and copied is counted: CPU time,
// so the wait between two quarters is left out.
//   npm run bench:refresh [-- --rate 2000 --quarters 8 --json]
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measure, ownFolder } from './support/clean.mjs';
import { DataSet } from './support/data-set.mjs';
import { newId } from './support/events.mjs';
import { cpuOf } from './support/processes.mjs';
import { root } from './support/server.mjs';
import { EVENTS_A_BLOCK, eventRows, sqlTime } from './support/shop-sql.mjs';
import { makeWorld } from './support/shop-world.mjs';
import { table, whole } from './support/show.mjs';
import { until } from './support/trial-world.mjs';

const { eventColumns } = createRequire(import.meta.url)(join(root, 'dist', 'events/pipeline/index.js'));
const preload = fileURLToPath(new URL('support/shifted-clock.cjs', import.meta.url));
const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A zone whose days begin with the busiest hours of the data. */
const ZONE = 'Pacific/Port_Moresby';
const DAY_FROM_UTC_MS = 14 * HOUR_MS;
/** Behind the end of a quarter: the horizon follows five minutes after. */
const BEHIND_MS = 6 * MINUTE_MS;
/** So many events come in by the API, so that the server knows that there is something to derive. */
const SENT = 600;
const PATIENCE_MS = 600_000;
/** Asking a store costs it something. */
const EVERY_MS = 2_000;

const text = { type: 'string' };
const { values } = parseArgs({ options: { rate: text, quarters: text, json: { type: 'boolean' } } });
const rate = Number(values.rate ?? 2_000);
const quarters = Number(values.quarters ?? 8);
if (!(rate >= 1 && Number.isInteger(quarters) && quarters >= 1)) {
  process.stderr.write(
    'Usage: npm run bench:refresh [-- --rate 2000 --quarters 8 --json]\n--rate is events a second.\n',
  );
  process.exit(2);
}

/** The events of all quarters, beside the table that they will come into. */
async function makeEvents(set, number, from) {
  await set.engine.run('CREATE TABLE arriving AS events ENGINE = MergeTree ORDER BY ts');
  // Visits of the last hour end with it: another one follows.
  const hours = Math.ceil(quarters / 4) + 1;
  const rowsEach = Math.ceil((rate * hours * 3_600) / EVENTS_A_BLOCK) * EVENTS_A_BLOCK;
  const visitors = Math.ceil(rowsEach / 6);
  const chunk = { group: 'busy', numbers: [number], rowsEach, fromMs: from, toMs: from + hours * HOUR_MS, visitors };
  const select = eventRows(chunk, makeWorld(), { seed: 1, startMs: from });
  await set.engine.run(`INSERT INTO arriving (${eventColumns.join(', ')}) ${select}`, { max_block_size: 131_072 });
}

await measure(async () => {
  const set = await DataSet.open(await ownFolder('refresh'));
  const from = Math.floor(Date.now() / DAY_MS) * DAY_MS - 2 * DAY_MS + DAY_FROM_UTC_MS;
  const shift = join(set.folder, 'shift');
  const setClock = (ms) => writeFileSync(shift, String(ms - Date.now()));
  setClock(from);
  const server = await set.startServer({ NODE_OPTIONS: `--require ${preload}`, CLOCK_SHIFT_FILE: shift });
  const project = await server.project('Busy', { timezone: ZONE });
  const [{ number }] = await set.postgres('SELECT number FROM projects WHERE id = $1', [project.id]);
  const note = (said) => values.json || process.stderr.write(`${said}\n`);
  note(`making ${quarters} quarter hours of ${whole(rate)} events a second`);
  await makeEvents(set, number, from);

  const cpu = () => [server.pid, ...set.pids].reduce((sum, pid) => sum + cpuOf(pid), 0) / 1e6;
  const isIdle = async () => (await set.engine.query('SELECT count() AS n FROM system.merges')).rows[0].n === 0;
  const idle = async () => {
    if (!(await until(isIdle, PATIENCE_MS, EVERY_MS))) throw new Error('merges do not end');
  };
  await idle();
  await sleep(5_000);
  const quietBefore = cpu();
  await sleep(20_000);
  const idleShare = (cpu() - quietBefore) / 20;
  note(`idle: ${(100 * idleShare).toFixed(1)} % of a core`);

  const derived = async (to) => {
    const [state] = await set.postgres(
      `SELECT (SELECT horizon >= $2::timestamptz FROM event_horizons WHERE project = $1) AS there,
        (SELECT count(*)::int FROM rollup_cells WHERE project = $1 AND events BETWEEN 10000 AND 2000000 AND NOT has_sequences) AS uncopied,
        (SELECT count(*)::int FROM stale_ranges WHERE project = $1) AS stale`,
      [number, new Date(to)],
    );
    return state.there === true && state.uncopied === 0 && state.stale === 0;
  };
  const versions = async () =>
    (await set.postgres('SELECT version, events FROM rollup_cells WHERE project = $1 ORDER BY "from"', [number])).map(
      ({ version, events }) => ({ version: Number(version), events: Number(events) }),
    );
  /** Moves the clock on, and waits for what follows from it. @returns { cells, events, seconds: of CPU, clock: seconds } */
  const step = async (to, now) => {
    await idle();
    const before = new Set((await versions()).map(({ version }) => version));
    const startedAt = performance.now();
    const cpuBefore = cpu();
    setClock(now);
    if (!(await until(() => derived(to), PATIENCE_MS, EVERY_MS))) throw new Error(`not derived:\n${server.said}`);
    await idle();
    const clock = (performance.now() - startedAt) / 1e3;
    const made = (await versions()).filter(({ version }) => !before.has(version));
    const seconds = cpu() - cpuBefore - clock * idleShare;
    return { cells: made.length, events: made.reduce((sum, { events }) => sum + events, 0), seconds, clock };
  };

  const rows = [];
  for (let at = 0; at < quarters; at++) {
    const start = from + at * QUARTER_MS;
    const end = start + QUARTER_MS;
    setClock(end);
    await set.engine.run(
      `INSERT INTO events SELECT * FROM arriving WHERE ts >= ${sqlTime(start)} AND ts < ${sqlTime(end)}`,
      { max_insert_threads: 1 },
    );
    const events = Array.from({ length: SENT }, (_, place) => ({
      id: newId(),
      name: 'sent',
      visitorId: `v${place}`,
      timestamp: end - 1_000 - place,
    }));
    await server.ask('POST', '/events/batch', { body: { events }, key: project.sec });
    const made = await step(end, end + BEHIND_MS);
    const arrived = (
      await set.engine.query(`SELECT count() AS n FROM events WHERE ts >= ${sqlTime(start)} AND ts < ${sqlTime(end)}`)
    ).rows[0].n;
    const row = { quarter: at + 1, arrived, ...made };
    rows.push(row);
    note(`quarter ${row.quarter}: ${row.cells} cells, ${row.seconds.toFixed(1)} s of CPU`);
  }
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ rate, rows })}\n`);
    return 0;
  }
  const line = ({ quarter, arrived, cells, events, seconds, clock }) => [
    `quarter ${quarter}`,
    whole(arrived),
    String(cells),
    whole(events),
    seconds.toFixed(1),
    clock.toFixed(1),
    ((1e6 * seconds) / events).toFixed(1),
    `${((100 * seconds) / (QUARTER_MS / 1e3)).toFixed(1)} %`,
  ];
  const head = ['', 'came', 'cells', 'derived', 'CPU s', 'clock s', 'us each', 'of a core'];
  process.stdout.write(`${table([head, ...rows.map(line)])}\n`);
  return 0;
});
