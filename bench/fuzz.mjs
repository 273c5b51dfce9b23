// Is every answer of the server one that its document tells? Requests made from the served OpenAPI document, valid and wrong, and payloads in every place.
//   npm run fuzz -- [--runs 500] [--payloads 60] [--only operationId,…] [--seed n] [--json]
// `--runs`: so many valid and so many wrong ones an operation; `--payloads`: in each place of a request, of 74. Ends with 1 where an answer is wrong or an operation was never answered with success.
import { parseArgs } from 'node:util';
import { measure } from './support/clean.mjs';
import { cpuOf } from './support/processes.mjs';
import { Server } from './support/server.mjs';
import { table } from './support/show.mjs';
import { readDocument } from './fuzz/document.mjs';
import { takesEvents } from './fuzz/mutations.mjs';
import { Oracle } from './fuzz/oracle.mjs';
import { Fuzzer } from './fuzz/run.mjs';
import { hangUp } from './fuzz/send.mjs';
import { World } from './fuzz/world.mjs';

const text = { type: 'string' };
const { values } = parseArgs({
  options: { runs: text, payloads: text, only: text, seed: text, json: { type: 'boolean', default: false } },
});
const runs = Number(values.runs ?? 500);
const payloads = Number(values.payloads ?? 60);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const only = values.only?.split(',');
if (![runs, payloads, seed].every((count) => Number.isInteger(count) && count >= 0) || runs === 0) {
  process.stderr.write('--runs, --payloads and --seed are whole numbers\n');
  process.exit(2);
}

/** Slower answers are worth a look. */
const SLOW_MS = 5_000;

const say = (line) => process.stderr.write(`${line}\n`);

async function fuzz() {
  const server = await Server.start({ AUTH_FAILURES_PER_MINUTE: '1000000', ALERT_PRIVATE_ADDRESSES: 'true' });
  const world = await World.make(server);
  const { components, operations } = await readDocument(server.url);
  // Events come last: each question costs more the more there are.
  const ordered = operations.toSorted((one, other) => Number(takesEvents(one)) - Number(takesEvents(other)));
  const chosen = ordered.filter(({ id }) => only === undefined || only.includes(id));
  const unknown = only?.filter((id) => !operations.some((operation) => operation.id === id)) ?? [];
  if (unknown.length > 0) throw new Error(`there is no operation ${unknown.join(', ')}`);
  const oracle = new Oracle(components, { secret: world.canary.secret, folder: server.folder });
  const fuzzer = new Fuzzer(server, world, oracle, components, { runs, payloads, seed });

  const startedAt = performance.now();
  const tallies = [];
  for (const [at, operation] of chosen.entries()) {
    const began = performance.now();
    const cpuBefore = cpuOf(server.pid);
    const tally = await fuzzer.fuzz(operation);
    const seconds = (performance.now() - began) / 1_000;
    // What a process that ended meanwhile had used is no longer told.
    const cpuMs = Math.max(0, cpuOf(server.pid) - cpuBefore) / 1_000 / tally.requests;
    tallies.push({ ...tally, seconds, cpuMs });
    const { ms, target } = tally.slowest;
    say(
      `${at + 1}/${chosen.length} ${tally.id}: ${tally.requests} requests in ${seconds.toFixed(1)} s, ${cpuMs.toFixed(1)} ms of the processor each`,
    );
    if (ms > SLOW_MS) say(`  slowest: ${ms} ms, ${target.slice(0, 500)}`);
    for (const [fault, { count, example }] of tally.faults)
      say(`  ${fault} (${count} times)\n    ${JSON.stringify(example)}`);
    if (!server.isRunning) throw new Error(`the server ended:\n${server.said}`);
  }
  hangUp();
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  const faults = tallies.flatMap(({ id, faults: found }) =>
    [...found].map(([fault, { count, example }]) => ({ operation: id, fault, count, example })),
  );
  const rows = tallies.map(({ route, requests, taken, refused, away, slowest, faults: found, ...spent }) => [
    route,
    requests,
    taken,
    refused,
    away,
    slowest.ms,
    found.size,
    Number(spent.cpuMs.toFixed(1)),
    Math.round(spent.seconds),
  ]);
  const sum = (column) => rows.reduce((total, row) => total + row[column], 0);
  if (values.json) {
    const operationsDone = tallies.map(({ id, requests, taken, refused, away }) => ({
      id,
      requests,
      taken,
      refused,
      away,
    }));
    process.stdout.write(
      `${JSON.stringify({ seed, seconds, served: operations.length, operations: operationsDone, faults })}\n`,
    );
  } else {
    process.stdout.write(
      `${table([['operation', 'requests', '2xx', '4xx', '503', 'slowest ms', 'faults', 'cpu ms', 'seconds'], ...rows, ['all', ...[1, 2, 3, 4].map(sum), '', sum(6), '', sum(8)]])}\n`,
    );
    process.stdout.write(`\n${tallies.length} of ${operations.length} operations in ${seconds} s, seed ${seed}\n`);
  }
  return faults.length === 0 ? 0 : 1;
}

void measure(fuzz);
