// How does long work get done after its 202, and how does a client learn how far it is?
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DelayedError, UnrecoverableError, type Job } from 'bullmq';
import { and, eq, inArray, lt, sql } from 'drizzle-orm';
import { Clock } from '../../common/clock';
import { newId } from '../../common/ids';
import { Problem } from '../../common/problem';
import { Postgres, type Db } from '../postgres/postgres';
import { jobs } from './jobs.schema';
import type { JobRecord } from './jobs.types';
import { Queues } from './queues';

/** What a handler is told: whose job it is, what was asked, and how to say how far it is (0..1). */
export interface JobRun {
  readonly id: string;
  readonly projectId: string;
  readonly data: Record<string, unknown>;
  progress(fraction: number): Promise<void>;
  /** Adds to `data`, for the next time that this job is called. Numbers under `result` are shown to the client. */
  save(data: Record<string, unknown>): Promise<void>;
}

/** The work is not at its end: it waits for something, or lets others have their turn. */
export interface CallAgain {
  readonly inMs: number;
}

/** Does the work of one kind of job. It may run twice, or again after it failed half-way: it must be made for that.
 *  @returns nothing where all is done */
export type JobHandler = (run: JobRun) => Promise<void | CallAgain>;

/** What is special about a kind of job. */
export interface JobKindOptions {
  /** It must succeed in the end, however long a store is away: it is tried for weeks. */
  patient?: boolean;
}

const PATIENCE = { attempts: 100_000, backoff: { type: 'fixed', delay: 5_000 } };
/** Jobs whose entry in the queue may have been lost between two stores are added again after this long. */
const FORGOTTEN_AFTER_MS = 30_000;
const SWEEP_EVERY_MS = 30_000;

/** Jobs that clients were told about. */
@Injectable()
export class JobsService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(JobsService.name);
  private readonly kinds = new Map<string, { handler: JobHandler; options: JobKindOptions }>();
  private sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly postgres: Postgres,
    private readonly queues: Queues,
    private readonly clock: Clock,
  ) {}

  /** Says who does the work of a kind of job; every process does so, and those that are workers will be called. */
  handle(kind: string, handler: JobHandler, options: JobKindOptions = {}): void {
    this.kinds.set(kind, { handler, options });
  }

  /** Starts a job.
   *  @throws storeUnavailable where it can't be kept */
  async start(kind: string, projectId: string, data: Record<string, unknown> = {}): Promise<JobRecord> {
    const job = await this.postgres.run((db) => this.keep(db, kind, projectId, data));
    await this.enqueueKept(job);
    return job;
  }

  /** Keeps a job in the transaction of what makes it necessary; `enqueueKept` is to follow when that is committed.
   *  A job that is kept is not forgotten, whatever happens in between. */
  async keep(db: Db, kind: string, projectId: string, data: Record<string, unknown> = {}): Promise<JobRecord> {
    const row = {
      id: newId(),
      projectId,
      kind,
      data,
      state: 'queued' as const,
      progress: 0,
      createdAt: new Date(this.clock.now()),
    };
    await db.insert(jobs).values(row);
    return toRecord({ ...row, error: null, finishedAt: null });
  }

  /** Hands a kept job to the workers. Where the queue is away the sweeper does it later. */
  async enqueueKept({ id, kind }: Pick<JobRecord, 'id' | 'kind'>): Promise<void> {
    await this.enqueue(id, kind).catch(() => this.logger.warn('a job waits for its queue'));
  }

  /** Says that jobs are done whose work somebody else did along with their own; in the transaction that makes it so. */
  async complete(db: Db, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await db
      .update(jobs)
      .set({ state: 'completed', progress: 1, error: null, finishedAt: this.now() })
      .where(and(inArray(jobs.id, [...ids]), inArray(jobs.state, ['queued', 'running'])));
  }

  /** Says how far jobs are whose work somebody else does along with their own. */
  async advance(ids: readonly string[], fraction: number): Promise<void> {
    if (ids.length === 0) return;
    const progress = keepHighest(fraction) as never;
    await this.postgres.run((db) =>
      db
        .update(jobs)
        .set({ progress })
        .where(and(inArray(jobs.id, [...ids]), inArray(jobs.state, ['queued', 'running']))),
    );
  }

  /** A job by its id.
   *  @param projectId whose job it must be; any, if not given */
  async find(id: string, projectId?: string): Promise<JobRecord | undefined> {
    const [row] = await this.postgres.run((db) =>
      db
        .select()
        .from(jobs)
        .where(and(eq(jobs.id, id), projectId === undefined ? undefined : eq(jobs.projectId, projectId))),
    );
    return row === undefined ? undefined : toRecord(row);
  }

  onApplicationBootstrap(): void {
    if (!this.queues.isWorker) return;
    this.queues.process('jobs', (job) => this.work(job), { concurrency: 4 });
    this.sweeper = setInterval(() => void this.sweep().catch(() => undefined), SWEEP_EVERY_MS);
    this.sweeper.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.sweeper);
  }

  /** Adds again what was kept but may never have reached the queue. Adding twice does nothing. */
  async sweep(): Promise<void> {
    const before = new Date(this.clock.now() - FORGOTTEN_AFTER_MS);
    const forgotten = await this.postgres.run((db) =>
      db
        .select({ id: jobs.id, kind: jobs.kind })
        .from(jobs)
        .where(and(inArray(jobs.state, ['queued', 'running']), lt(jobs.createdAt, before)))
        .limit(1_000),
    );
    for (const { id, kind } of forgotten) await this.revive(id, kind);
  }

  private async revive(id: string, kind: string): Promise<void> {
    const queued = await this.queues.queue('jobs').getJob(id);
    // The queue gave up, but could not say so in the table.
    if (queued !== undefined && (await queued.isFailed())) await queued.retry('failed');
    else await this.enqueue(id, kind);
  }

  private async enqueue(id: string, kind: string): Promise<void> {
    const patient = this.kinds.get(kind)?.options.patient === true;
    await this.queues.add('jobs', kind, {}, { jobId: id, ...(patient ? PATIENCE : {}) });
  }

  private async work(job: Job): Promise<void> {
    const id = job.id ?? '';
    const [row] = await this.postgres.run((db) => db.select().from(jobs).where(eq(jobs.id, id)));
    if (row === undefined || row.state === 'completed' || row.state === 'failed') return;
    const handler = this.kinds.get(row.kind)?.handler;
    if (handler === undefined) throw new Error('no handler for this kind of job');
    await this.update(id, { state: 'running' });
    let again: CallAgain | void;
    try {
      again = await handler({
        id,
        projectId: row.projectId,
        data: row.data,
        progress: (fraction) => this.update(id, { progress: Math.min(1, Math.max(0, fraction)) }),
        save: (data) => this.update(id, { data: sql`${jobs.data} || ${JSON.stringify(data)}::jsonb` as never }),
      });
    } catch (error) {
      const last = error instanceof UnrecoverableError || job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
      if (last) await this.update(id, { state: 'failed', error: reasonOf(error), finishedAt: this.now() });
      throw error;
    }
    if (again !== undefined) {
      await job.moveToDelayed(Date.now() + again.inMs, job.token);
      // Told so, BullMQ leaves the job where it was moved to; it is no attempt that failed.
      throw new DelayedError();
    }
    await this.update(id, { state: 'completed', progress: 1, error: null, finishedAt: this.now() });
  }

  private now(): Date {
    return new Date(this.clock.now());
  }

  private async update(id: string, change: Partial<typeof jobs.$inferInsert>): Promise<void> {
    const value = change.progress === undefined ? change : { ...change, progress: keepHighest(change.progress) };
    await this.postgres.run((db) => db.update(jobs).set(value).where(eq(jobs.id, id)));
  }
}

/** A second attempt does not move the bar back. */
const keepHighest = (progress: number) => sql`greatest(${jobs.progress}, ${progress})`;

/** What a client is told: our own words only, never those of an engine. */
const reasonOf = (error: unknown): string =>
  error instanceof Problem ? error.message : 'The job could not be done; the server log says why.';

const toRecord = (row: typeof jobs.$inferSelect): JobRecord => ({
  id: row.id,
  projectId: row.projectId,
  kind: row.kind,
  state: row.state,
  progress: row.progress,
  error: row.error,
  result: (row.data['result'] as JobRecord['result'] | undefined) ?? null,
  createdAt: row.createdAt.getTime(),
  finishedAt: row.finishedAt?.getTime() ?? null,
});
