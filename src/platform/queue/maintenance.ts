// Which regular work does the server do by itself? Features name a kind and how often; one queue runs each once, whoever is a worker.
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Queues } from './queues';

interface Chore {
  everyMs: number;
  run: () => Promise<unknown>;
}

/** Regular work. A chore must bear being run twice at once: a worker that dies is replaced before it is buried. */
@Injectable()
export class Maintenance implements OnApplicationBootstrap {
  readonly #chores = new Map<string, Chore>();
  readonly #running = new Set<string>();

  constructor(private readonly queues: Queues) {}

  /** Registers a chore; call it before the app listens.
   *  @param kind its name, unique; @param everyMs from one start to the next */
  every(everyMs: number, kind: string, run: () => Promise<unknown>): void {
    this.#chores.set(kind, { everyMs, run });
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.queues.isWorker) return;
    this.queues.process('maintenance', (job) => this.#run(job.name), { concurrency: 4 });
    for (const [kind, { everyMs }] of this.#chores) await this.queues.schedule('maintenance', kind, everyMs);
  }

  async #run(kind: string): Promise<void> {
    // One that outlasts its interval is not started beside itself.
    if (this.#running.has(kind)) return;
    this.#running.add(kind);
    try {
      await this.#chores.get(kind)?.run();
    } finally {
      this.#running.delete(kind);
    }
  }
}
