// How is one operation fuzzed? Valid requests, wrong ones, payloads; every answer is judged, and what is wrong with one is kept with what was sent.
import fc from 'fast-check';
import { didPause, payloadChoice, payloadsFor, placesOf } from './injections.mjs';
import { mutated } from './mutations.mjs';
import { onWire, requestsOf } from './requests.mjs';
import { send } from './send.mjs';

const AT_ONCE = 4;
/** More than twice as many operations have filters. */
const FILTER_SHARE = 6;
/** Operations that remove are given something of their own to remove. */
const REMOVES = {
  projectsDelete: 'projects',
  keysRevoke: 'keys',
  keysRotate: 'keys',
  funnelsRemove: 'funnels',
  goalsDelete: 'goals',
  alertsDelete: 'alerts',
  erasureErase: 'visitors',
};

/** @typedef {{ id: string, route: string, requests: number, taken: number, refused: number, away: number, slowest: { ms: number, target: string }, faults: Map<string, { count: number, example: any }> }} Tally */

export class Fuzzer {
  /** @param world @param oracle @param components of the document @param {{ runs: number, payloads: number, seed: number }} how `runs` a kind, valid and wrong; `payloads` a place */
  constructor(server, world, oracle, components, how) {
    Object.assign(this, { server, world, oracle, components, how });
    const all = payloadsFor(world.trap.url);
    this.nextPayloads = payloadChoice(all, how.payloads);
    // One reader takes the filters of every operation, so their places share the payloads among all of these.
    this.nextOfFilters = payloadChoice(all, Math.ceil(Math.min(all.length, how.payloads) / FILTER_SHARE));
  }

  /** Everything for one operation. @returns {Promise<Tally>} */
  async fuzz(operation) {
    /** @type {Tally} */
    const tally = {
      id: operation.id,
      route: `${operation.method} ${operation.path}`,
      requests: 0,
      taken: 0,
      refused: 0,
      away: 0,
      slowest: { ms: 0, target: '' },
      faults: new Map(),
    };
    const kind = REMOVES[operation.id];
    const own = new Map();
    if (kind !== undefined) {
      own.set(kind, await this.world.throwaways(kind));
      own.set(operation.path.includes('{keyId}') ? 'projects' : '', [this.world.scratch.id]);
    }
    if (operation.id === 'deliveriesReplay') await this.world.untilNews();
    const { runs, seed } = this.how;
    const valid = requestsOf(operation, this.components, this.world, own);
    const first = fc.sample(valid, { numRuns: runs, seed });
    const good = await this.#all(first, tally);
    // Pages that go on are known by now.
    const again = requestsOf(operation, this.components, this.world, own);
    await this.#all(fc.sample(mutated(again, operation), { numRuns: runs, seed: seed + 1 }), tally);
    await this.#inject(good ?? first[0], tally);
    if (tally.taken === 0) this.#note(tally, 'never answered with success', first[0]);
    const harm = await this.world.harm();
    if (harm !== undefined) this.#note(tally, harm, first[0]);
    return tally;
  }

  /** Sends requests, a few at once. @returns the first that was taken */
  async #all(requests, tally) {
    let taken;
    const left = [...requests].reverse();
    const lane = async () => {
      while (left.length > 0) {
        const request = left.pop();
        const { status } = await this.#ask(request, tally);
        if (status >= 200 && status < 300 && request.mutation === undefined) taken ??= request;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    return taken;
  }

  async #ask(request, tally) {
    const wire = onWire(request);
    const answer = await send(this.server.url, wire);
    const { faults, json } = this.oracle.judge(request, wire, answer);
    tally.requests += 1;
    if (answer.ms > tally.slowest.ms)
      tally.slowest = { ms: Math.round(answer.ms), target: `${wire.method} ${wire.target}` };
    if (answer.status >= 200 && answer.status < 300) tally.taken += 1;
    else if (answer.status === 503) tally.away += 1;
    else tally.refused += 1;
    for (const fault of faults) this.#note(tally, fault, request, wire, answer);
    if (answer.status < 300 && json !== undefined) this.world.harvest(request.operation, request, json);
    return answer;
  }

  /** Payloads in every place of a request that was taken. */
  async #inject(request, tally) {
    // To ask for the folder of another's removal is not needed twice.
    const ask = async (asked) => (await this.#ask(asked, tally)).ms;
    for (const { place, put } of placesOf(request)) {
      const payloads = place.startsWith('filter ') ? this.nextOfFilters() : this.nextPayloads();
      const injected = payloads.map((payload) => ({ ...put(payload), mutation: `${place}: ${payload}` }));
      const left = [...injected];
      const lane = async () => {
        while (left.length > 0) {
          const asked = left.pop();
          const { ms } = await this.#ask(asked, tally);
          if (await didPause(ms, ask, asked, request)) this.#note(tally, 'a payload paused the server', asked);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, lane));
    }
  }

  #note(tally, fault, request, wire = onWire(request), answer) {
    const known = tally.faults.get(fault);
    const example = {
      mutation: request.mutation,
      ...wire,
      headers: { ...wire.headers, ...('x-api-key' in wire.headers ? { 'x-api-key': '…' } : {}) },
      ...(wire.body === undefined ? {} : { body: wire.body.toString().slice(0, 2_000) }),
      ...(answer === undefined ? {} : { status: answer.status, answer: answer.body.toString().slice(0, 1_000) }),
    };
    const size = (one) => JSON.stringify(one).length;
    if (known === undefined) tally.faults.set(fault, { count: 1, example });
    else {
      known.count += 1;
      if (size(example) < size(known.example)) known.example = example;
    }
  }
}
