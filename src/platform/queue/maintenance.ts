// Which regular work does the server do by itself? Features name a kind and how often; one queue runs each once, whoever is a worker.
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Queues } from './queues';

const SAY_AGAIN_MS = 30_000;

interface Chore {
  everyMs: number;
  run: () => Promise<unknown>;
}

/** Regular work. A chore must bear being run twice at once: a worker that dies is replaced before it is buried. */
@Injectable()
export class Maintenance implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #chores = new Map<string, Chore>();
  readonly #running = new Set<string>();
  readonly #logger = new Logger(Maintenance.name);
  #again: NodeJS.Timeout | undefined;

  constructor(private readonly queues: Queues) {}

  /** Registers a chore; call it before the app listens.
   *  @param kind its name, unique; @param everyMs from one start to the next */
  every(everyMs: number, kind: string, run: () => Promise<unknown>): void {
    this.#chores.set(kind, { everyMs, run });
  }

  onApplicationBootstrap(): void {
    if (!this.queues.isWorker) return;
    this.queues.process('maintenance', (job) => this.#run(job.name), { concurrency: 4 });
    void this.schedule();
    // The store of the queues may be away now, or lose what it held: schedules are said again for as long as we run.
    this.#again = setInterval(() => void this.schedule(), SAY_AGAIN_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#again);
  }

  /** Says every schedule to the queue; runs by itself. Said twice it is the same schedule. */
  async schedule(): Promise<void> {
    try {
      for (const [kind, { everyMs }] of this.#chores) await this.queues.schedule('maintenance', kind, everyMs);
    } catch {
      this.#logger.warn('regular work could not be scheduled; trying again');
    }
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
