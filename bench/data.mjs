// What are statistics measured on? A data set of any size, made straight in the engine and kept in a folder: a year of visits to one big
// project, a tenth and a hundredth of it, and a thousand tiny projects beside them.
//   npm run bench:data -- --rows 100M [--dir PATH] [--seed 1]
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measure } from './support/clean.mjs';
import { DataSet, usualFolder } from './support/data-set.mjs';
import { root } from './support/server.mjs';
import { chunksOf, DAYS, groupsOf, projectsOf, rowsOf } from './support/shop-plan.mjs';
import { eventRows, linkRows, sqlTime } from './support/shop-sql.mjs';
import { makeWorld } from './support/shop-world.mjs';
import { table, whole } from './support/show.mjs';

const built = (path) => createRequire(import.meta.url)(join(root, 'dist', path));
const { startProgress, terminal } = built('cli/command.js');
const { eventColumns } = built('events/pipeline/index.js');
const DAY_MS = 86_400_000;
/** Chunks that are made at once. Each takes one thread of the engine and about 2 GB of its memory. */
const LANES = Math.min(2, availableParallelism());

const { values } = parseArgs({
  options: { rows: { type: 'string' }, dir: { type: 'string' }, seed: { type: 'string' } },
});
const rows = rowsOf(values.rows);
const seed = Number(values.seed ?? 1);
if (rows === undefined || !Number.isInteger(seed) || seed < 0) {
  process.stderr.write(
    'Usage: npm run bench:data -- --rows 100M [--dir PATH] [--seed 1]\n--rows is the events of the big project, 100k or more.\n',
  );
  process.exit(2);
}

/** What the folder holds already, or the beginning of it. The end is written down, so that a run of tomorrow goes on with the same days. */
function begin(set) {
  if (set.state === undefined) {
    set.state = { rows, seed, endMs: Math.floor(Date.now() / DAY_MS) * DAY_MS, projects: {}, done: [] };
    set.save();
  }
  if (set.state.rows !== rows || set.state.seed !== seed)
    throw new Error(
      `${set.folder} holds a data set of --rows ${set.state.rows} --seed ${set.state.seed}; choose another --dir`,
    );
}

/** Makes the projects that are missing, over the API, and notes the numbers that the warehouse knows them by.
 *  The server ends before the first row: rows that come in behind its back must not meet tables that it has derived already. */
async function makeProjects(set) {
  const wanted = groupsOf(rows).flatMap(projectsOf);
  if (wanted.every((name) => name in set.state.projects)) return;
  const server = await set.startServer();
  const known = async () =>
    Object.fromEntries(
      (await set.postgres('SELECT id, number, name FROM projects WHERE deleted_at IS NULL ORDER BY number')).map(
        ({ id, number, name }) => [name, { id, number }],
      ),
    );
  const there = await known();
  const missing = wanted.filter((name) => !(name in there));
  const progress = startProgress(terminal, 'projects', missing.length);
  for (const [at, name] of missing.entries()) {
    await server.project(name);
    progress.at(at + 1, '');
  }
  progress.stop();
  const all = await known();
  set.state.projects = Object.fromEntries(wanted.map((name) => [name, all[name]]));
  set.save();
  await server.stop();
}

const sqlDate = (ms) => `toDate('${new Date(ms).toISOString().slice(0, 10)}')`;

/** The rows of a chunk, and of nothing else. */
const boundsOf = ({ numbers, fromMs, toMs }) =>
  `project_id IN (${numbers.join(', ')}) AND ts >= ${sqlTime(fromMs)} AND ts < ${sqlTime(toMs)} ` +
  `AND toDate(ts) >= ${sqlDate(fromMs)} AND toDate(ts) < ${sqlDate(toMs)}`;

const INSERT = {
  max_threads: 1,
  max_insert_threads: 1,
  // One part a chunk.
  max_block_size: 131_072,
  min_insert_block_size_rows: 4_000_000,
  min_insert_block_size_bytes: 0,
  max_partitions_per_insert_block: 0,
  // Merges build them, as for the server's own inserts.
  materialize_skip_indexes_on_insert: 0,
};

/** Makes a chunk whole, whatever an earlier run has left of it. */
async function makeChunk(set, chunk, world) {
  const bounds = boundsOf(chunk);
  const wanted = chunk.numbers.length * chunk.rowsEach;
  const count = async () => (await set.engine.query(`SELECT count() AS n FROM events WHERE ${bounds}`)).rows[0].n;
  if ((await count()) > 0) await set.engine.run(`ALTER TABLE events DELETE WHERE ${bounds}`, { mutations_sync: 2 });
  const select = eventRows(chunk, world, { seed, startMs: set.state.endMs - DAYS * DAY_MS });
  await set.engine.run(`INSERT INTO events (${eventColumns.join(', ')}) ${select}`, INSERT);
  await set.engine.run(`INSERT INTO visitor_links (project_id, visitor_id, user_id, first_at) ${linkRows(bounds)}`, {
    max_threads: 1,
  });
  const made = await count();
  if (made !== wanted) throw new Error(`chunk "${chunk.id}" has ${made} rows instead of ${wanted}`);
  return made;
}

async function makeRows(set) {
  const world = makeWorld();
  const chunks = chunksOf(rows, set.state.endMs);
  const numbersOf = Object.fromEntries(
    groupsOf(rows).map((group) => [group.name, projectsOf(group).map((name) => set.state.projects[name].number)]),
  );
  const sizeOf = ({ group, rowsEach }) => numbersOf[group].length * rowsEach;
  const total = chunks.reduce((sum, chunk) => sum + sizeOf(chunk), 0);
  const done = new Set(set.state.done);
  const before = chunks.filter(({ id }) => done.has(id)).reduce((sum, chunk) => sum + sizeOf(chunk), 0);
  const waiting = chunks.filter(({ id }) => !done.has(id));
  const progress = startProgress(terminal, 'events', total);
  const startedAt = performance.now();
  let made = before;
  const lane = async () => {
    for (let chunk = waiting.shift(); chunk !== undefined; chunk = waiting.shift()) {
      const count = await makeChunk(set, { ...chunk, numbers: numbersOf[chunk.group] }, world);
      made += count;
      set.state.done.push(chunk.id);
      set.save();
      const speed = (made - before) / ((performance.now() - startedAt) / 1000);
      progress.at(made, `${whole(made)} of ${whole(total)}, ${whole(speed)} rows/s`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  progress.stop();
}

/** Merges what no more events will come to, as housekeeping would in time: FINAL costs nothing then. */
async function mergeClosedMonths(set) {
  const open = Number(new Date(set.state.endMs).toISOString().slice(0, 7).replace('-', ''));
  const parts = await set.engine.query(
    `SELECT toUInt32(partition) AS month, count() AS parts FROM system.parts
     WHERE database = currentDatabase() AND table = 'events' AND active GROUP BY month HAVING parts > 1 ORDER BY month`,
  );
  const months = parts.rows.filter(({ month }) => month < open);
  const progress = startProgress(terminal, 'merging', months.length);
  for (const [at, { month }] of months.entries()) {
    await set.engine.run(`OPTIMIZE TABLE events PARTITION ${month} FINAL`, { optimize_skip_merged_partitions: 1 });
    progress.at(at + 1, String(month));
  }
  progress.stop();
}

/** What was derived of these projects before their rows were there is forgotten: a server derives it anew when it starts. */
async function forgetDerived(set) {
  for (const name of ['event_horizons', 'rollup_cells', 'stale_ranges', 'stale_visitors']) {
    const [{ there }] = await set.postgres('SELECT to_regclass($1) IS NOT NULL AS there', [name]);
    if (there) await set.postgres(`DELETE FROM ${name}`);
  }
}

async function report(set) {
  const { rows: tables } = await set.engine.query(
    `SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes, count() AS parts FROM system.parts
     WHERE database = currentDatabase() AND active GROUP BY table ORDER BY bytes DESC`,
  );
  const groups = groupsOf(rows);
  const events = groups.reduce((sum, { projects, rowsEach }) => sum + projects * rowsEach, 0);
  return [
    table([
      ['Projects', 'projects', 'events each'],
      ...groups.map(({ name, projects, rowsEach }) => [name, projects, rowsEach]),
    ]),
    '',
    table([
      ['Table', 'rows', 'parts', 'MB', 'bytes an event'],
      ...tables.map((one) => [one.table, one.rows, one.parts, one.bytes / 1e6, (one.bytes / events).toFixed(2)]),
    ]),
    '',
    `The data set is in ${set.folder} and stays there; delete the folder when it is no longer needed.`,
    `Measure:  npm run bench:stats -- --dir ${set.folder}`,
    `Look at:  DATA_DIR=${set.folder} npm start`,
  ].join('\n');
}

await measure(async () => {
  const set = await DataSet.open(values.dir ?? usualFolder(values.rows));
  begin(set);
  await makeProjects(set);
  await makeRows(set);
  await mergeClosedMonths(set);
  await forgetDerived(set);
  process.stdout.write(`${await report(set)}\n`);
  return 0;
});
