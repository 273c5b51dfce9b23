// Is what is derived still right when processes die in the middle of deriving it? `kill -9` under late events and links, then every figure
// is held against a ledger of its own, and every cell against the events.
//   npm run chaos:aggregation -- [--kills 20] [--within 8] [--lanes 3] [--batch 30] [--json]
//   --within: a process that is told to end does so in one of its next steps, so many at most
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measure, ownFolder } from './support/clean.mjs';
import { newId } from './support/events.mjs';
import { Ledger } from './support/ledger.mjs';
import { Server } from './support/server.mjs';
import { expectedOf } from './support/shop-ledger.mjs';
import { table } from './support/show.mjs';

const text = { type: 'string' };
const { values } = parseArgs({
  options: { kills: text, within: text, lanes: text, batch: text, json: { type: 'boolean' } },
});
const kills = Number(values.kills ?? 20);
const within = Number(values.within ?? 8);
const laneCount = Number(values.lanes ?? 3);
const batchSize = Number(values.batch ?? 30);
if (!(kills >= 0) || !(within > 0) || !(laneCount > 0) || !(batchSize > 0)) {
  process.stderr.write('--kills, --within, --lanes and --batch are numbers\n');
  process.exit(2);
}
const note = (line) => process.stderr.write(`${line}\n`);

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const HISTORY_MS = 2.5 * DAY_MS;
/** Fewer than a state holds one by one, so that visitors are exact everywhere. */
const VISITORS = 120;
/** A process that was told to end in a step, and comes to none, is ended from outside after this. */
const STEP_WAIT_MS = 5_000;
const SETTLED_MS = 600_000;

const one = (list) => list[randomInt(list.length)];

/** Live ones, late ones anywhere in the last days, and some on the very edge of a quarter hour. */
function aTime() {
  const dice = randomInt(10);
  const at = dice < 3 ? Date.now() : Date.now() - randomInt(HISTORY_MS);
  return dice === 9 ? Math.floor(at / (15 * MINUTE_MS)) * 15 * MINUTE_MS - randomInt(2) : at;
}

/** Two visitors are one user; a visitor in six is linked sooner or later, and some sessions have names. */
function anEvent() {
  const visitor = randomInt(VISITORS);
  const linked = visitor % 6 === 0 && randomInt(8) === 0;
  return {
    id: newId(),
    name: one(['pageview', 'pageview', 'pageview', 'signup']),
    timestamp: new Date(aTime()).toISOString(),
    visitorId: `visitor-${visitor}`,
    ...(linked ? { userId: `user-${Math.floor(visitor / 12)}` } : {}),
    ...(visitor % 10 === 1 ? { sessionId: `session-${visitor}-${randomInt(2)}` } : {}),
    url: `https://shop.example/item-${Math.floor(randomInt(400) ** 2 / 8_000)}`,
    properties: { plan: one(['free', 'pro']) },
  };
}

/** Sends for as long as it is told to; what was not answered goes out again, as it was. */
class Load {
  #open = [];
  #stopped = false;
  sent = new Map();

  constructor(server, projects, ledger) {
    this.server = server;
    this.projects = projects;
    this.ledger = ledger;
    for (const { id } of projects) this.sent.set(id, []);
  }

  start() {
    return Promise.all(Array.from({ length: laneCount }, () => this.#lane()));
  }

  stop() {
    this.#stopped = true;
  }

  /** Until every batch has its 2xx. */
  async settle() {
    const until = Date.now() + 120_000;
    while (this.#open.length > 0) {
      if (Date.now() > until) throw new Error('the server does not take what was not answered');
      await this.#send(this.#open.shift());
    }
  }

  async #lane() {
    while (!this.#stopped) {
      await this.#send(this.#open.shift() ?? this.#batch());
      await sleep(randomInt(20, 150));
    }
  }

  #batch() {
    const project = one(this.projects);
    const events = Array.from({ length: batchSize }, anEvent);
    this.sent.get(project.id).push(...events);
    return { project, events };
  }

  async #send(batch) {
    const ids = batch.events.map(({ id }) => id);
    try {
      const answer = await fetch(`${this.server.url}/api/v1/events/batch`, {
        method: 'POST',
        headers: { 'x-api-key': batch.project.sec, 'content-type': 'application/json' },
        body: JSON.stringify({ events: batch.events }),
        signal: AbortSignal.timeout(20_000),
      });
      const body = await answer.text();
      this.ledger.write({ ids, status: answer.status, rejected: [] });
      if (answer.ok) {
        const { rejected } = JSON.parse(body);
        if (rejected.length > 0) throw new Error(`the server refuses ${JSON.stringify(rejected[0])}`);
        return;
      }
      if (answer.status !== 503 && answer.status !== 429)
        note(`an answer that nobody expects: ${answer.status} ${body}`);
    } catch {
      this.ledger.write({ ids, status: 'none', rejected: [] });
    }
    this.#open.push(batch);
    await sleep(150);
  }
}

/** Most ends come in the middle of a step, the rest at any moment. */
async function killOnce(server) {
  await sleep(randomInt(300, 2_500));
  if (randomInt(4) > 0) {
    process.kill(server.pid, 'SIGUSR2');
    for (let waited = 0; waited < STEP_WAIT_MS && server.isRunning; waited += 20) await sleep(20);
  }
  await server.kill();
  await server.boot();
}

const rollupsOf = (server, { id }) => server.ask('GET', `/projects/${id}/rollups`);

/** Until nothing waits to be derived again, links are spread, and the horizon has come near. */
async function untilDerived(server, projects) {
  const end = Date.now() + SETTLED_MS;
  for (let calm = 0; calm < 8;) {
    if (Date.now() > end) throw new Error('what is stale was not derived again');
    const states = await Promise.all(projects.map((project) => rollupsOf(server, project)));
    const isCalm = states.every(({ horizon, staleRanges }) => horizon !== null && staleRanges === 0);
    calm = isCalm ? calm + 1 : 0;
    await sleep(500);
  }
}

/** Checks every cell; again where cells were moving. */
async function verify(server, project) {
  for (let tries = 0; ; tries += 1) {
    let { job } = await server.ask('POST', `/projects/${project.id}/verify`, { body: {} });
    while (job.state !== 'completed' && job.state !== 'failed') {
      await sleep(300);
      job = await server.ask('GET', `/jobs/${job.id}`);
    }
    if (job.state === 'failed') throw new Error(`the verification failed: ${job.error}`);
    if (job.result.moving === 0 || job.result.wrong > 0 || tries === 9) return job.result;
    await untilDerived(server, [project]);
  }
}

/** What differs between the API and the ledger: names of figures. */
async function compare(server, project, sent, precision) {
  const expected = expectedOf(sent, project.zone);
  const times = sent.map(({ timestamp }) => Date.parse(timestamp));
  const range = new URLSearchParams({
    from: new Date(Math.floor(Math.min(...times) / DAY_MS) * DAY_MS - DAY_MS).toISOString().slice(0, 10),
    to: new Date(Date.now() + DAY_MS).toISOString().slice(0, 10),
    precision,
  }).toString();
  const ask = (path) => server.ask('GET', `/stats/${path}`, { project: project.id });
  const wrong = [];
  let compared = 0;
  const hold = (what, found, right, names) => {
    for (const name of names) {
      compared += 1;
      if ((found?.[name] ?? 0) !== (right?.[name] ?? 0))
        wrong.push(`${precision} ${project.zone} ${what} ${name}: ${found?.[name]} instead of ${right?.[name]}`);
    }
  };
  const all = ['visitors', 'sessions', 'pageviews', 'events'];
  hold('all', (await ask(`overview?${range}`)).data, expected.all, all);
  const series = await ask(`timeseries?${range}&interval=day&metrics=${all.join(',')}`);
  for (const row of series.data) hold(row.time, row, expected.days.get(row.time.slice(0, 10)), all);
  const pages = await ask(`breakdown/page?${range}&limit=100&metrics=visitors,pageviews,events`);
  const found = new Map(pages.data.map((row) => [row.value, row]));
  for (const page of new Set([...expected.pages.keys(), ...found.keys()]))
    hold(page, found.get(page), expected.pages.get(page), ['visitors', 'pageviews', 'events']);
  return { compared, wrong };
}

/** How often each event is stored. */
async function countStored(server, project) {
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
  return rows;
}

const sum = (list, of) => list.reduce((total, each) => total + of(each), 0);

async function judge(server, load, ledger, steps) {
  const { acknowledged } = ledger.read();
  const stored = new Map();
  for (const project of load.projects)
    for (const [id, times] of await countStored(server, project)) stored.set(id, (stored.get(id) ?? 0) + times);
  const before = await Promise.all(load.projects.map((project) => rollupsOf(server, project)));
  const figures = [];
  for (const project of load.projects)
    for (const precision of ['auto', 'exact'])
      figures.push({ precision, ...(await compare(server, project, load.sent.get(project.id), precision)) });
  const checks = [];
  for (const project of load.projects) checks.push(await verify(server, project));
  for (const { wrong } of figures) for (const line of wrong.slice(0, 10)) note(line);
  const lines = readFileSync(steps, 'utf8').trim().split('\n');
  return {
    steps: lines.filter((line) => line === 'committed').length,
    endedInStep: lines.filter((line) => line.startsWith('ended')).length,
    acknowledged: acknowledged.size,
    lost: [...acknowledged].filter((id) => !stored.has(id)).length,
    doubled: [...stored.values()].filter((times) => times > 1).length,
    derived: sum(before, ({ events }) => events),
    cells: sum(checks, ({ cells }) => cells),
    detailed: sum(before, ({ detailedCells }) => detailedCells),
    moving: sum(checks, ({ moving }) => moving),
    wrong: sum(checks, ({ wrong }) => wrong),
    compared: sum(figures, ({ compared }) => compared),
    wrongAuto: sum(
      figures.filter(({ precision }) => precision === 'auto'),
      ({ wrong }) => wrong.length,
    ),
    wrongExact: sum(
      figures.filter(({ precision }) => precision === 'exact'),
      ({ wrong }) => wrong.length,
    ),
  };
}

const isRight = (report) =>
  report.lost + report.doubled + report.wrong + report.moving + report.wrongAuto + report.wrongExact === 0 &&
  report.acknowledged > 0 &&
  report.cells > 0 &&
  report.derived > 0;

const show = (report) =>
  table([
    ['kill -9', 'while deriving'],
    ['kills', report.kills],
    ['of them in the middle of a step', report.endedInStep],
    ['steps that came to their end', report.steps],
    ['events acknowledged', report.acknowledged],
    ['acknowledged and lost', report.lost],
    ['counted twice', report.doubled],
    ['cells', report.cells],
    ['cells with rows', report.detailed],
    ['events in them', report.derived],
    ['cells that are wrong', report.wrong],
    ['cells that nobody can judge', report.moving],
    ['figures compared with the ledger', report.compared],
    ['wrong with precision auto', report.wrongAuto],
    ['wrong with precision exact', report.wrongExact],
    ['seconds', report.seconds],
    ['verdict', isRight(report) ? 'right' : 'WRONG'],
  ]);

await measure(async () => {
  const began = Date.now();
  const folder = await ownFolder('ledger');
  const steps = join(folder, 'steps');
  const server = await Server.start(
    { QUICK_BEGAN: String(began), QUICK_STEPS: steps, QUICK_WITHIN: String(within), INSERT_TIMEOUT_MS: '1500' },
    undefined,
    fileURLToPath(new URL('support/quick-server.mjs', import.meta.url)),
  );
  const projects = [];
  for (const zone of ['Asia/Kathmandu', 'America/New_York'])
    projects.push({ ...(await server.project(`chaos ${zone}`, { timezone: zone })), zone });
  const ledger = new Ledger(join(folder, 'answers.ndjson'));
  const load = new Load(server, projects, ledger);
  const running = load.start();

  for (let kill = 1; kill <= kills; kill++) {
    await killOnce(server);
    if (kill % 5 === 0 || kill === kills)
      note(`${kill} of ${kills} kills after ${Math.round((Date.now() - began) / 1_000)} s`);
  }
  await sleep(1_000);
  load.stop();
  await running;
  note('sending again what was not answered, and waiting until all is derived …');
  await load.settle();
  ledger.close();
  // From now on the horizon is where a server's own would be.
  await server.kill();
  server.env.QUICK_END = 'yes';
  await server.boot();
  await untilDerived(server, projects);

  note('comparing …');
  const report = { kills, ...(await judge(server, load, ledger, steps)), seconds: (Date.now() - began) / 1_000 };
  process.stdout.write(`${values.json === true ? JSON.stringify(report) : show(report)}\n`);
  return isRight(report) ? 0 : 1;
});
