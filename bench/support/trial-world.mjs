// What does every trial need? A server, a project, a load with its ledger; and at the end a count and a verdict.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChaosLoad, countLedger, linesOf } from './chaos-load.mjs';
import { Ledger } from './ledger.mjs';
import { Server } from './server.mjs';

/** The world of one trial. */
export class TrialWorld {
  /** What did not go as it was promised: one line each. The trial adds what it sees. */
  faults = [];
  /** What a person reads beside the verdict. */
  lines = [];
  #running;

  /** @param options `env`: the server's variables; `server`: one that runs already; the rest is of `ChaosLoad` */
  static async start({ folder, note, env = {}, server, ...options }) {
    const world = new TrialWorld();
    world.note = note;
    world.server = server ?? (await Server.start(env));
    world.project = await world.server.project('chaos');
    world.ledger = new Ledger(join(folder, 'answers.ndjson'));
    world.load = new ChaosLoad({
      urls: world.server.url,
      project: world.project,
      ledger: world.ledger,
      note,
      ...options,
    });
    return world;
  }

  /** The load begins. */
  begin() {
    this.#running = this.load.start();
  }

  /** The load ends; what has no answer is sent until it has one, and all is counted.
   *  @returns what `countLedger` says */
  async end() {
    this.load.stop();
    await this.#running;
    this.note('sending again what was not answered, and some of what was …');
    await this.load.settle();
    this.ledger.close();
    this.note('counting …');
    return countLedger(this.server, this.project, this.ledger.read());
  }

  /** Adds a fault where something is not so. */
  expect(isSo, otherwise) {
    if (!isSo) this.faults.push(otherwise);
  }

  /** The trial's result. @param counted what `end` gave @param beside `load` and `faults` where they differ from the long run's */
  verdict(counted, beside = {}) {
    const { acknowledged, lost, doubled } = counted;
    const faults = [...this.faults, ...this.load.strangers];
    return {
      ...beside,
      acknowledged,
      lost,
      doubled,
      held: counted.held && faults.length === 0,
      details: [
        ...this.lines,
        `answers: ${this.load.answers}`,
        ...linesOf(counted),
        ...[...new Set(faults)].slice(0, 12).map((line) => `NOT AS PROMISED: ${line}`),
      ],
    };
  }
}

export const seconds = (ms) => `${(ms / 1_000).toFixed(1)} s`;

/** Waits until something is so. @param withinMs generous: the machine may be busy @returns whether it came to that */
export async function until(met, withinMs, everyMs = 20) {
  const limit = performance.now() + withinMs;
  while (!met()) {
    if (performance.now() > limit) return false;
    await sleep(everyMs);
  }
  return true;
}
