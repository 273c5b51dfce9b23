// What does every trial need? A server, a project, a load with its ledger; and at the end a count and a verdict. Some need several loads.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChaosLoad, countLedger, linesOf, sumOfCounts } from './chaos-load.mjs';
import { Ledger } from './ledger.mjs';
import { Server } from './server.mjs';

/** The world of one trial. */
export class TrialWorld {
  /** What did not go as it was promised: one line each. The trial adds what it sees. */
  faults = [];
  /** What a person reads beside the verdict. */
  lines = [];
  #folder;
  #begun = [];
  #running = [];
  /** The projects, each with the ledger of all that is sent to it. */
  #places = [];

  /** @param options `env`: the server's variables; `server`: one that runs already; the rest is of the first load, a `ChaosLoad` */
  static async start({ folder, note, env = {}, server, ...options }) {
    const world = new TrialWorld();
    world.note = note;
    world.#folder = folder;
    world.server = server ?? (await Server.start(env));
    world.load = await world.elsewhere('chaos', options);
    [{ project: world.project, ledger: world.ledger }] = world.#places;
    return world;
  }

  /** One more load into the same project. */
  beside(options) {
    return this.#loadInto(this.#places[0], options);
  }

  /** One more load into a project of its own. */
  async elsewhere(name, options) {
    const project = await this.server.project(name);
    const place = { project, ledger: new Ledger(join(this.#folder, `answers-${this.#places.length}.ndjson`)) };
    this.#places.push(place);
    return this.#loadInto(place, options);
  }

  #loadInto(place, options) {
    return new ChaosLoad({ urls: this.server.url, ...place, note: this.note, ...options });
  }

  /** The load begins, or several do. */
  begin(...loads) {
    for (const load of loads.length === 0 ? [this.load] : loads) {
      this.#begun.push(load);
      this.#running.push(load.start());
    }
  }

  /** The loads stop, each after the answer that it waits for. */
  async stop() {
    for (const load of this.#begun) load.stop();
    await Promise.all(this.#running);
  }

  /** The loads end; what has no answer is sent until it has one, and all is counted.
   *  @param settleMs how long that sending may take
   *  @returns what `countLedger` says, of all projects together */
  async end(settleMs) {
    await this.stop();
    this.note('sending again what was not answered, and some of what was …');
    for (const load of this.#begun) await load.settle(settleMs);
    const counts = [];
    for (const { project, ledger } of this.#places) {
      ledger.close();
      counts.push(await this.count(ledger.read(), project));
    }
    return sumOfCounts(counts);
  }

  /** Counts what was said. @param said what `Ledger.read` gives */
  async count(said, project = this.project) {
    this.note('counting …');
    return countLedger(this.server, project, said);
  }

  /** Adds a fault where something is not so. */
  expect(isSo, otherwise) {
    if (!isSo) this.faults.push(otherwise);
  }

  /** The trial's result. @param counted what `end` gave @param beside `load` and `faults` where they differ from the long run's */
  verdict(counted, beside = {}) {
    const { acknowledged, lost, doubled } = counted;
    const faults = [...this.faults, ...this.#begun.flatMap((load) => load.strangers)];
    return {
      ...beside,
      acknowledged,
      lost,
      doubled,
      held: counted.held && faults.length === 0,
      details: [
        ...this.lines,
        ...this.#begun.map((load) => `answers: ${load.answers}`),
        ...linesOf(counted),
        ...[...new Set(faults)].slice(0, 12).map((line) => `NOT AS PROMISED: ${line}`),
      ],
    };
  }
}

export const seconds = (ms) => `${(ms / 1_000).toFixed(1)} s`;

/** Waits until something is so. @param met may ask a store @param withinMs generous: the machine may be busy @returns whether it came to that */
export async function until(met, withinMs, everyMs = 20) {
  const limit = performance.now() + withinMs;
  while (!(await met())) {
    if (performance.now() > limit) return false;
    await sleep(everyMs);
  }
  return true;
}
