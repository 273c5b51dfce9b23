// Does a client notice that servers are restarted one after the other? Two behind a proxy under steady load: no request may fail.
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { countLedger, linesOf } from '../support/chaos-load.mjs';
import { Cluster } from '../support/cluster.mjs';
import { anEvent, newId } from '../support/events.mjs';
import { percentile } from '../support/percentile.mjs';
import { seconds } from '../support/trial-world.mjs';

const REQUESTS = 60_000;
const PER_SECOND = 500;
const RESTARTS_EACH = 5;
/** On a machine that is too busy for the rate, the load is what it can carry, and that for so long: then there are fewer requests. */
const MOST_OPEN = 64;
const LONGEST_MS = 400_000;
/** As any client that has not said otherwise; a request that takes longer has failed. */
const PATIENCE_MS = 30_000;

/** One request after the other as their time comes, over connections that are kept. Each is sent once, and its answer kept. */
class SteadyLoad {
  said = { acknowledged: new Set(), refused: new Set(), sent: new Set(), answers: 0, unknown: 0 };
  latencies = [];
  failed = new Map();
  /** What answers other than 2xx say. */
  refusals = new Set();
  requests = 0;
  isOver = false;
  #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  #open = new Set();

  constructor(url, project, perSecond) {
    Object.assign(this, { url: new URL(url), project, perSecond });
  }

  /** @param isEnough asked before each request */
  async run(isEnough) {
    const startedAt = performance.now();
    for (let at = 0; !isEnough(); at++) {
      const early = startedAt + (at * 1_000) / this.perSecond - performance.now();
      if (early > 1) await sleep(early);
      while (this.#open.size >= MOST_OPEN) await sleep(5);
      const one = at % 10 === 9 ? this.#ask('GET', '/api/v1/funnels') : this.#sendEvent();
      this.#open.add(one);
      void one.finally(() => this.#open.delete(one));
    }
    await Promise.all(this.#open);
    this.#agent.destroy();
  }

  async #sendEvent() {
    const event = anEvent(newId(), 2_000);
    this.said.sent.add(event.id);
    const status = await this.#ask('POST', '/api/v1/events', JSON.stringify(event));
    if (status === 200 || status === 202) this.said.acknowledged.add(event.id);
  }

  #ask(method, path, body) {
    const sentAt = performance.now();
    this.requests += 1;
    const { hostname, port } = this.url;
    const headers = { 'x-api-key': this.project.sec };
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = Buffer.byteLength(body);
    }
    return new Promise((resolve) => {
      const done = (outcome) => {
        if (outcome >= 200 && outcome < 300) this.said.answers += 1;
        else {
          this.failed.set(outcome, (this.failed.get(outcome) ?? 0) + 1);
          if (typeof outcome === 'string') this.said.unknown += 1;
        }
        this.latencies.push(performance.now() - sentAt);
        resolve(outcome);
      };
      const sent = request(
        { hostname, port, method, path, headers, agent: this.#agent, timeout: PATIENCE_MS },
        (answer) => {
          if (answer.statusCode < 300) answer.resume();
          else
            answer
              .setEncoding('utf8')
              .once('data', (text) => this.refusals.add(`${answer.statusCode} ${text.slice(0, 200)}`));
          answer.on('error', () => done('broken off'));
          answer.once('end', () => done(answer.statusCode));
        },
      );
      sent.once('timeout', () => sent.destroy(new Error('no answer in time')));
      sent.once('error', (error) => done(error.code ?? error.message));
      sent.end(body);
    });
  }
}

/** Ends a process as an operator does, and starts it again. @returns how long it took to end, and to be ready again */
async function restart(server) {
  const since = performance.now();
  await server.stop();
  const endedMs = performance.now() - since;
  return { endedMs, readyMs: await server.boot() };
}

const loadOf = (requests, perSecond) => `${requests.toLocaleString('en-US')} requests, ${perSecond}/s, through a proxy`;

export const trial = {
  number: 23,
  name: 'rolling-restart',
  load: loadOf(REQUESTS, PER_SECOND),
  faults: `SIGTERM and start, ${RESTARTS_EACH} times each of 2 API processes, twice the worker`,
  async run({ short, note }) {
    const [wanted, each] = short ? [2_000, 1] : [REQUESTS, RESTARTS_EACH];
    const perSecond = short ? 100 : PER_SECOND;
    const cluster = await Cluster.start({ env: { RATE_LIMIT_REQUESTS: '100000000' } });
    const project = await cluster.front.project('rolling');
    const load = new SteadyLoad(cluster.front.url, project, perSecond);
    let isRestarted = false;
    const startedAt = performance.now();
    const running = load.run(
      () => isRestarted && (load.requests >= wanted || performance.now() - startedAt > LONGEST_MS),
    );
    const took = [];
    const faults = [];
    await sleep(1_000);
    for (let round = 1; round <= each; round++)
      for (const server of [...cluster.apis, ...(round % 3 === 1 && !short ? cluster.workers : [])]) {
        // One is only ended where the proxy knows that the other is there.
        while (cluster.balancer.ready.length < cluster.apis.length) await sleep(50);
        took.push(await restart(server));
        note(
          `${server.name}, round ${round}: ended in ${seconds(took.at(-1).endedMs)}, ${load.requests} requests so far`,
        );
      }
    isRestarted = true;
    await running;
    const counted = await countLedger(cluster.front, project, load.said);
    const failed = [...load.failed.values()].reduce((sum, count) => sum + count, 0);
    for (const [outcome, count] of load.failed) faults.push(`${count} requests: ${outcome}`);
    const slowest = (name) => seconds(Math.max(...took.map((one) => one[name])));
    return {
      ...(short ? { faults: 'SIGTERM and start of 2 API processes' } : {}),
      load: loadOf(load.requests, perSecond),
      acknowledged: counted.acknowledged,
      lost: counted.lost,
      doubled: counted.doubled,
      held: counted.held && failed === 0,
      details: [
        `${failed} failed of ${load.requests.toLocaleString('en-US')} requests over ${took.length} restarts`,
        `answers: p50 ${percentile(load.latencies, 0.5).toFixed(0)} ms, p99 ${percentile(load.latencies, 0.99).toFixed(0)} ms, ${Math.max(...load.latencies).toFixed(0)} ms at most`,
        `a process ended within ${slowest('endedMs')} and was ready again within ${slowest('readyMs')}`,
        ...linesOf(counted),
        ...[...load.refusals].slice(0, 5),
        ...faults.map((line) => `NOT AS PROMISED: ${line}`),
      ],
    };
  },
};
