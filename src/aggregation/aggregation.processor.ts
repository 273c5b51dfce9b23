// When does a worker derive? A chore looks who is due; each project's step is a job, and each day that is derived again is one.
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import type { Job } from 'bullmq';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../common/time-range';
import { Clock } from '../common/clock';
import { Maintenance } from '../platform/queue/maintenance';
import { Queues } from '../platform/queue/queues';
import { AggregationOptions } from './aggregation.options';
import { Refresher } from './refresher';
import { RollupChecker } from './verify/checker';

const LOOK_EVERY_MS = 5 * SECOND_MS;
/** Beside each other in one process: one that is long must not hold up the others. */
const REFRESHES = 2;
/** A job that is silent for so long has lost its worker. */
const LOCK_MS = 60_000;
/** A project whose step fails is tried again after 5, 10, 20 ... seconds; then the next look begins with it anew. */
const REFRESH_JOB = {
  attempts: 8,
  backoff: { type: 'exponential', delay: 5_000 },
  removeOnComplete: true,
  removeOnFail: true,
};
const DAY_JOB = { attempts: 1, removeOnComplete: true, removeOnFail: true };

@Injectable()
export class AggregationProcessor implements OnModuleInit, OnApplicationBootstrap {
  readonly #logger = new Logger(AggregationProcessor.name);
  /** Projects whose rebuild failed here, and until when they rest. */
  readonly #resting = new Map<number, number>();

  constructor(
    private readonly queues: Queues,
    private readonly maintenance: Maintenance,
    private readonly refresher: Refresher,
    private readonly checker: RollupChecker,
    private readonly options: AggregationOptions,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.maintenance.every(LOOK_EVERY_MS, 'advance-horizons', () => this.look());
    this.maintenance.every(MINUTE_MS, 'check-rollups', () => this.checker.checkSome());
  }

  onApplicationBootstrap(): void {
    this.queues.process('aggregation', (job) => this.#refresh(job), { concurrency: REFRESHES, lockMs: LOCK_MS });
    this.queues.process('rebuild', (job) => this.#rebuild(job), { concurrency: 1, lockMs: LOCK_MS });
  }

  /** Announces what is to be announced, and sees to it that there are jobs for what can be done. */
  async look(): Promise<void> {
    for (const project of await this.refresher.due())
      await this.queues.add('aggregation', 'refresh', { project }, { ...REFRESH_JOB, jobId: `project-${project}` });
    const { active, waiting, delayed } = await this.queues
      .queue('rebuild')
      .getJobCounts('active', 'waiting', 'delayed');
    // Each day's job adds the next one; this is for the first, and where a worker died.
    if (!active && !waiting && !delayed) await this.#addDay(0, 0);
    await this.refresher.measure();
  }

  async #refresh(job: Job<{ project: number }>): Promise<void> {
    const { project } = job.data;
    try {
      while (await this.refresher.refresh(project)) await job.updateProgress(0);
    } catch (error) {
      this.#logger.warn({ err: error, project }, 'a project’s horizon could not be moved; trying again');
      throw error;
    }
  }

  async #rebuild(job: Job<{ project: number }>): Promise<void> {
    const { project } = job.data;
    const began = performance.now();
    const took = (): number => performance.now() - began;
    try {
      // Most projects have little in a day: their days share a turn.
      while ((await this.refresher.repair(project)) && took() < this.options.turnMs);
    } catch (error) {
      this.#logger.warn({ err: error, project }, 'a day could not be derived again; trying again later');
      this.#resting.set(project, this.clock.now() + this.options.afterFailureMs);
    }
    await this.#addDay(project, this.refresher.isQuiet() ? 0 : Math.min(took(), this.options.longestRestMs));
  }

  /** Adds the job of the next project that has a day to derive again, after a rest that leaves half a core to whoever waits. */
  async #addDay(after: number, delay: number): Promise<void> {
    const now = this.clock.now();
    for (const [project, until] of this.#resting) if (until <= now) this.#resting.delete(project);
    const next = await this.refresher.nextStale(after, [...this.#resting.keys()]);
    if (next === undefined) return;
    const day = new Date(Math.floor((next.to - 1) / DAY_MS) * DAY_MS).toISOString().slice(0, 10);
    const data = { project: next.project, day };
    await this.queues.add('rebuild', 'rebuild-day', data, { ...DAY_JOB, delay, jobId: `day-${next.project}-${day}` });
  }
}
