// Is anything that was answered 2xx ever lost or counted twice when processes die under load? `kill -9`, again and again, then the count.
//   npm run chaos:kill -- [--kills 20] [--victim server|clickhouse|postgres] [--lanes 8] [--batch 50] [--json]
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { measure, ownFolder } from './support/clean.mjs';
import { anEvent, newId } from './support/events.mjs';
import { Ledger } from './support/ledger.mjs';
import { familyOf } from './support/processes.mjs';
import { Server } from './support/server.mjs';
import { ms, table } from './support/show.mjs';

const VICTIMS = {
  server: undefined,
  clickhouse: /embedded\/clickhouse\/child/,
  postgres: /\/bin\/postgres .*-D /,
};
const text = { type: 'string' };
const { values } = parseArgs({
  options: { kills: text, victim: text, lanes: text, batch: text, json: { type: 'boolean' } },
});
const kills = Number(values.kills ?? 20);
const laneCount = Number(values.lanes ?? 8);
const batchSize = Number(values.batch ?? 50);
const victim = values.victim ?? 'server';
if (!(kills >= 0) || !(laneCount > 0) || !(batchSize > 0) || !(victim in VICTIMS)) {
  process.stderr.write(
    `--kills, --lanes and --batch are numbers; --victim is one of ${Object.keys(VICTIMS).join(', ')}\n`,
  );
  process.exit(2);
}
const note = (line) => process.stderr.write(`${line}\n`);

/** @returns milliseconds from the kill to readiness */
async function killServer(server) {
  const killedAt = performance.now();
  await server.kill();
  await server.boot();
  return performance.now() - killedAt;
}

/** The server has to notice and start the store again by itself. */
async function killStore(server, pattern) {
  const store = familyOf(server.pid).find(({ parent, command }) => parent === server.pid && pattern.test(command));
  if (store === undefined) throw new Error(`the server has no ${victim} of its own`);
  const killedAt = performance.now();
  process.kill(store.pid, 'SIGKILL');
  for (;;) {
    await sleep(20);
    if (!server.isRunning) throw new Error(`the server ended after its ${victim} did:\n${server.said}`);
    const fresh = familyOf(server.pid).some(
      ({ pid, parent, command }) => parent === server.pid && pid !== store.pid && pattern.test(command),
    );
    if (fresh && (await server.isReady())) return performance.now() - killedAt;
    if (performance.now() - killedAt > 60_000) throw new Error(`${victim} was not started again:\n${server.said}`);
  }
}

/** Sends batches for as long as it is told to. What is not answered goes out again, under the same ids, sooner or later. */
class ChaosLoad {
  #open = [];
  #done = [];
  #stopped = false;

  constructor(server, project, ledger) {
    this.server = server;
    this.project = project;
    this.ledger = ledger;
  }

  start() {
    return Promise.all(Array.from({ length: laneCount }, () => this.#lane()));
  }

  stop() {
    this.#stopped = true;
  }

  /** Repeats everything that has no 2xx until it has one, then a fifth of the rest once more. */
  async settle() {
    const again = this.#done.filter(() => randomInt(5) === 0);
    const until = performance.now() + 120_000;
    const lane = async () => {
      for (
        let batch = again.pop() ?? this.#open.shift();
        batch !== undefined;
        batch = again.pop() ?? this.#open.shift()
      ) {
        if (performance.now() > until) throw new Error('the server does not take what was not answered');
        await this.#send(batch);
      }
    };
    while (this.#open.length + again.length > 0) await Promise.all(Array.from({ length: laneCount }, lane));
  }

  async #lane() {
    while (!this.#stopped) {
      // While the server is down, nothing new piles up behind what it has still to answer.
      const dice = this.#open.length > laneCount ? 0 : randomInt(20);
      const again =
        dice < 8 ? this.#open.shift() : dice === 8 ? this.#done[randomInt(Math.max(1, this.#done.length))] : undefined;
      await this.#send(again ?? aBatch());
      // Nobody's client sends without a breath; and what is counted later has to be read.
      await sleep(randomInt(12));
    }
  }

  async #send(batch) {
    const ids = batch.map(({ id }) => id);
    try {
      const answer = await fetch(`${this.server.url}/api/v1/events/batch`, {
        method: 'POST',
        headers: { 'x-api-key': this.project.sec, 'content-type': 'application/json' },
        body: JSON.stringify({ events: batch }),
        signal: AbortSignal.timeout(20_000),
      });
      const body = await answer.text();
      const rejected = answer.ok ? JSON.parse(body).rejected.map(({ index }) => ids[index]) : [];
      this.ledger.write({ ids, status: answer.status, rejected });
      if (answer.ok) this.#done.push(batch);
      else {
        this.#open.push(batch);
        if (answer.status !== 503 && answer.status !== 429)
          note(`an answer that nobody expects: ${answer.status} ${body}`);
        await sleep(50);
      }
    } catch {
      this.ledger.write({ ids, status: 'none', rejected: [] });
      this.#open.push(batch);
      await sleep(150);
    }
  }
}

/** Most events name time and visitor; some leave one of them to the server, which must then know the id again. One in ten batches holds
 *  an event that breaks a rule. */
function aBatch() {
  const batch = Array.from({ length: batchSize }, () => {
    const { timestamp, visitorId, ...rest } = anEvent(newId(), 2_000);
    const dice = randomInt(10);
    return { ...rest, ...(dice < 2 ? {} : { timestamp }), ...(dice >= 2 && dice < 4 ? {} : { visitorId }) };
  });
  if (randomInt(10) === 0) batch[randomInt(batch.length)].url = 'no url';
  return batch;
}

/** Holds the server to the ledger, through the API alone. */
async function judge(server, project, said) {
  const expected = said.acknowledged.size;
  // What was answered 202 becomes readable when the spool is drained.
  for (let waited = 0; waited < 60 && (await server.stored(project.id)) < expected; waited++) await sleep(1_000);

  const rows = new Map();
  const answer = await fetch(`${server.url}/api/v1/events/export?format=ndjson&period=all`, {
    headers: { 'x-api-key': server.rootKey, 'x-project-id': project.id },
  });
  if (!answer.ok) throw new Error(`the export answered ${answer.status}: ${await answer.text()}`);
  for await (const line of createInterface({ input: Readable.fromWeb(answer.body) })) {
    if (line === '') continue;
    const { id } = JSON.parse(line);
    rows.set(id, (rows.get(id) ?? 0) + 1);
  }
  const count = (ids, test) => [...ids].filter((id) => test(rows.get(id) ?? 0)).length;
  return {
    answers: said.answers,
    unknown: said.unknown,
    sent: said.sent.size,
    acknowledged: expected,
    refused: said.refused.size,
    stored: rows.size,
    lost: count(said.acknowledged, (times) => times === 0),
    doubled: count(rows.keys(), (times) => times > 1),
    foreign: [...rows.keys()].filter((id) => !said.sent.has(id)).length,
    refusedButStored: count(said.refused, (times) => times > 0),
  };
}

function show(report) {
  return table([
    ['kill -9', report.victim],
    ['kills', report.kills],
    ['requests answered', report.answers],
    ['requests of unknown fate', report.unknown],
    ['events sent', report.sent],
    ['events acknowledged', report.acknowledged],
    ['events refused for a reason', report.refused],
    ['events stored', report.stored],
    ['acknowledged and lost', report.lost],
    ['counted twice', report.doubled],
    ['stored, but never sent', report.foreign],
    ['refused, but stored', report.refusedButStored],
    ['ready again after, p50 ms', report.restartMs.p50],
    ['ready again after, max ms', report.restartMs.max],
  ]);
}

await measure(async () => {
  const server = await Server.start();
  const project = await server.project('chaos');
  const ledger = new Ledger(join(await ownFolder('ledger'), 'answers.ndjson'));
  const load = new ChaosLoad(server, project, ledger);
  const running = load.start();

  const restarts = [];
  for (let kill = 1; kill <= kills; kill++) {
    await sleep(randomInt(200, 2_000));
    const tookMs = victim === 'server' ? await killServer(server) : await killStore(server, VICTIMS[victim]);
    restarts.push(tookMs);
    note(`kill ${kill} of ${kills}: ready again after ${ms(tookMs)} ms`);
  }
  await sleep(500);
  load.stop();
  await running;
  note('sending again what was not answered, and some of what was …');
  await load.settle();
  ledger.close();

  note('counting …');
  const verdict = await judge(server, project, ledger.read());
  restarts.sort((a, b) => a - b);
  const report = {
    victim,
    kills,
    ...verdict,
    restartMs: { p50: restarts[Math.floor((restarts.length - 1) / 2)], max: restarts.at(-1) },
  };
  process.stdout.write(`${values.json === true ? JSON.stringify(report) : show(report)}\n`);
  const isKept = report.lost + report.doubled + report.foreign + report.refusedButStored === 0;
  return isKept && report.acknowledged > 0 ? 0 : 1;
});
