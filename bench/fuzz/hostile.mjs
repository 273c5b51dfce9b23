// What do hostile clients get out of the server? Attacks by raw sockets, in groups; each answer is judged, and what it cost the server.
//   npm run fuzz:hostile -- [--only sizes,json,compressed,slow,oddities,streams] [--short] [--json]
import { parseArgs } from 'node:util';
import { measure } from '../support/clean.mjs';
import { table } from '../support/show.mjs';
import { compressed, sizes } from './hostile-bodies.mjs';
import { json } from './hostile-json.mjs';
import { oddities } from './hostile-oddities.mjs';
import { slowClients } from './hostile-slow.mjs';
import { streams } from './hostile-streams.mjs';
import { World } from './hostile-world.mjs';

const GROUPS = [sizes, json, compressed, slowClients, oddities, streams];

const { values } = parseArgs({
  options: { only: { type: 'string' }, short: { type: 'boolean', default: false }, json: { type: 'boolean' } },
});
const wanted = values.only?.split(',') ?? GROUPS.map(({ name }) => name);
const unknown = wanted.filter((name) => !GROUPS.some((group) => group.name === name));
if (unknown.length > 0) {
  process.stderr.write(`--only takes ${GROUPS.map(({ name }) => name).join(', ')}\n`);
  process.exit(2);
}
const note = (line) => process.stderr.write(`${line}\n`);

await measure(async () => {
  const world = await World.start({ short: values.short, note });
  const reports = [];
  for (const group of GROUPS.filter(({ name }) => wanted.includes(name))) {
    note(`${group.number} ${group.name} …`);
    world.begin();
    const startedAt = performance.now();
    try {
      await group.run(world);
    } catch (error) {
      world.fault(`the attack itself failed: ${error.stack} ${error.cause ?? ''}`);
    }
    // Whatever happened, an honest client is served, and the process is the one that it was.
    try {
      await world.honest(1);
    } catch (error) {
      world.fault(`an honest client is not served afterwards: ${error.message}`);
    }
    if (!world.server.isRunning) world.fault(`the server has ended:\n${world.server.said}`);
    const { statuses, ...report } = world.report;
    reports.push({
      number: group.number,
      name: group.name,
      ...report,
      statuses: Object.fromEntries([...statuses].sort(([a], [b]) => (a < b ? -1 : 1))),
      seconds: (performance.now() - startedAt) / 1_000,
    });
  }
  const rows = reports.map(({ number, name, requests, statuses, loopMs, moreMb, faults, seconds }) => [
    `${number} ${name}`,
    requests,
    Object.entries(statuses)
      .map(([status, times]) => `${status}: ${times}`)
      .join(', '),
    loopMs,
    moreMb,
    faults.length,
    seconds,
  ]);
  const shown = table([['attack', 'requests', 'answers', 'loop ms', 'more MB', 'faults', 'seconds'], ...rows]);
  process.stdout.write(`${values.json === true ? JSON.stringify(reports) : shown}\n`);
  return reports.every(({ faults }) => faults.length === 0) ? 0 : 1;
});
