// Which regular work does the server do by itself? Features name a kind and how often; one queue runs each once, whoever is a worker.
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Queues } from './queues';

const SAY_AGAIN_MS = 30_000;
/** Turns in which the queue asked nothing of this process, until it does the work unasked. */
const SILENT_TURNS = 3;

interface Chore {
  everyMs: number;
  run: () => Promise<unknown>;
  unasked: boolean;
  /** When it was begun here last, milliseconds of a clock that is never set. */
  begunAt: number;
}

/** Regular work. A chore must bear being run twice at once: a worker that dies is replaced before it is buried. */
@Injectable()
export class Maintenance implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #chores = new Map<string, Chore>();
  readonly #running = new Set<string>();
  readonly #logger = new Logger(Maintenance.name);
  #timers: NodeJS.Timeout[] = [];

  constructor(private readonly queues: Queues) {}

  /** Registers a chore; call it before the app listens.
   *  @param kind its name, unique; @param everyMs from one start to the next
   *  @param unasked for work that waits for no queue whose store is away, hangs or is full: a worker does it by itself where it was not asked
   *    for three turns. Others may have been, so such a chore keeps out of their way */
  every(everyMs: number, kind: string, run: () => Promise<unknown>, { unasked = false } = {}): void {
    this.#chores.set(kind, { everyMs, run, unasked, begunAt: performance.now() });
  }

  onApplicationBootstrap(): void {
    if (!this.queues.isWorker) return;
    this.queues.process('maintenance', (job) => this.#run(job.name), { concurrency: 4 });
    void this.schedule();
    // The store of the queues may be away now, or lose what it held: schedules are said again for as long as we run.
    this.#timers = [setInterval(() => void this.schedule(), SAY_AGAIN_MS).unref()];
    for (const [kind, { everyMs, unasked }] of this.#chores)
      if (unasked) this.#timers.push(setInterval(() => void this.#runUnasked(kind), everyMs).unref());
  }

  onModuleDestroy(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Says every schedule to the queue; runs by itself. Said twice it is the same schedule. */
  async schedule(): Promise<void> {
    try {
      for (const [kind, { everyMs }] of this.#chores) await this.queues.schedule('maintenance', kind, everyMs);
    } catch {
      this.#logger.warn('regular work could not be scheduled; trying again');
    }
  }

  async #runUnasked(kind: string): Promise<void> {
    const chore = this.#chores.get(kind);
    if (chore === undefined || performance.now() - chore.begunAt < SILENT_TURNS * chore.everyMs) return;
    // What failed is tried again in a turn, as by the queue.
    await this.#run(kind).catch(() => this.#logger.debug({ chore: kind }, 'regular work failed; it is tried again'));
  }

  async #run(kind: string): Promise<void> {
    const chore = this.#chores.get(kind);
    // One that outlasts its interval is not started beside itself.
    if (chore === undefined || this.#running.has(kind)) return;
    this.#running.add(kind);
    chore.begunAt = performance.now();
    try {
      await chore.run();
    } finally {
      this.#running.delete(kind);
    }
  }
}
