// How does a feature hand work over to later, or to another process? By the names of queues, whatever store they live in.
import { Inject, Injectable, Logger, Optional, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import type { Job, JobsOptions, Queue, Worker } from 'bullmq';
import { Problem, storeUnavailable } from '../../common/problem';
import { Env } from '../../config/env';
import { Metrics } from '../metrics/metrics';
import type { QueueBackend } from './backend';
import type { QueueName } from './queue-names';

/** Injection token of the store that queues live in. */
export const QUEUE_BACKEND = Symbol('QUEUE_BACKEND');

/** Handles one job. Throw to have it tried again, `UnrecoverableError` to end it. */
export type QueueHandler = (job: Job) => Promise<void>;

/** How a queue is worked off. */
export interface ProcessOptions {
  /** Jobs side by side in this process. */
  concurrency?: number;
  /** How long a job may be silent before another worker takes it over. */
  lockMs?: number;
}

const ATTEMPTS = 10;
const BACKOFF_MS = 1_000;
const KEEP_COMPLETED = { age: 3_600, count: 1_000 };
const KEEP_FAILED = { age: 7 * 86_400, count: 1_000 };
const ADD_TIMEOUT_MS = 5_000;
/** The whole process has 10 s to end; a job that needs longer is taken over by another worker. */
const CLOSE_TIMEOUT_MS = 5_000;
const WARN_EVERY_MS = 10_000;
/** How long a worker waits before it asks a store again that is away. */
const RETRY_MS = 2_000;

/** The queues of the app. */
@Injectable()
export class Queues implements OnModuleDestroy, OnApplicationShutdown {
  private readonly logger = new Logger(Queues.name);
  private readonly queues = new Map<QueueName, Queue>();
  private readonly workers: Worker[] = [];
  private warnedAt = 0;

  constructor(
    @Inject(QUEUE_BACKEND) private readonly backend: QueueBackend,
    private readonly env: Env,
    @Optional() private readonly metrics?: Metrics,
  ) {}

  /** BullMQ's queue of this name, for counts and the like. Work is added with `add`. */
  queue(name: QueueName): Queue {
    const known = this.queues.get(name);
    if (known !== undefined) return known;
    const queue = this.backend.queue(name, {
      defaultJobOptions: {
        attempts: ATTEMPTS,
        backoff: { type: 'exponential', delay: BACKOFF_MS },
        removeOnComplete: KEEP_COMPLETED,
        removeOnFail: KEEP_FAILED,
      },
    });
    queue.on('error', () => this.warn());
    this.queues.set(name, queue);
    return queue;
  }

  /** Adds a job; one whose `jobId` is there already is not added again.
   *  @throws storeUnavailable (503) where the store is away */
  async add(name: QueueName, kind: string, data: Record<string, unknown>, options?: JobsOptions): Promise<void> {
    await this.within(this.queue(name).add(kind, data, options));
  }

  /** Works off a queue, if this process is a worker; else nothing happens here. Call it once a queue. */
  process(name: QueueName, handler: QueueHandler, options: ProcessOptions = {}): void {
    if (!this.isWorker) return;
    const worker = this.backend.worker(name, handler, {
      concurrency: options.concurrency ?? 1,
      lockDuration: options.lockMs ?? 30_000,
      runRetryDelay: RETRY_MS,
      // A job whose worker died is run again, not failed at once: handlers can run twice, and are made for it.
      maxStalledCount: 5,
    });
    worker.on('error', () => this.warn());
    worker.on('completed', (job) => this.count(job, 'completed'));
    worker.on('failed', (job) => this.count(job, 'failed'));
    this.workers.push(worker);
  }

  /** Adds a job of this kind every so often, however many processes ask for it.
   *  @throws storeUnavailable (503) where the store is away */
  async schedule(name: QueueName, kind: string, everyMs: number): Promise<void> {
    await this.within(
      this.queue(name).upsertJobScheduler(kind, { every: everyMs }, { name: kind, opts: { attempts: 1 } }),
    );
  }

  /** Whether this process works queues off. */
  get isWorker(): boolean {
    return this.env.ROLES.includes('worker');
  }

  /** Whether the store of the queues answers now; for readiness.
   *  @throws storeUnavailable (503) */
  async ping(): Promise<void> {
    await this.within(this.queue('jobs').getJobCounts('waiting'));
  }

  /** Stops taking jobs and lets the running ones end, as long as there is time. */
  async onModuleDestroy(): Promise<void> {
    await Promise.allSettled(this.workers.map((worker) => this.closeInTime(worker)));
  }

  /** Closes everything; after the last request is answered. */
  async onApplicationShutdown(): Promise<void> {
    const open = [...this.queues.values()];
    this.queues.clear();
    await Promise.allSettled(open.map((queue) => inTime(queue.close(), 1_000)));
    await inTime(this.backend.close(), 1_000).catch(() => undefined);
  }

  private async closeInTime(worker: Worker): Promise<void> {
    try {
      await inTime(worker.close(), CLOSE_TIMEOUT_MS);
    } catch {
      await inTime(worker.close(true), 1_000).catch(() => undefined);
    }
  }

  private async within<T>(work: Promise<T>): Promise<T> {
    try {
      return await inTime(work, ADD_TIMEOUT_MS);
    } catch (error) {
      if (error instanceof Problem) throw error;
      throw storeUnavailable({ detail: 'The queue does not answer.', retryAfterSeconds: 2, cause: error });
    }
  }

  private count(job: Job | undefined, outcome: 'completed' | 'failed'): void {
    if (job === undefined) return;
    this.metrics?.jobs.inc({ job: job.name, outcome });
    const { processedOn, finishedOn } = job;
    if (processedOn !== undefined && finishedOn !== undefined)
      this.metrics?.jobSeconds.observe({ job: job.name }, (finishedOn - processedOn) / 1000);
  }

  private warn(): void {
    if (Date.now() - this.warnedAt < WARN_EVERY_MS) return;
    this.warnedAt = Date.now();
    this.logger.warn('the store of the queues is away; trying again');
  }
}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('timed out')), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
