// How is somebody forgotten? Everything that they are known by is noted at once; a job deletes what is stored.
import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Actor } from '../../audit';
import { Clock } from '../../common/clock';
import { notFound } from '../../common/problem';
import { ErasedVisitors, ErasureTimes, VisitorRows } from '../../events';
import type { Caller } from '../../platform/http/caller';
import { type CallAgain, JobsService } from '../../platform/queue/jobs.service';
import type { JobRecord } from '../../platform/queue/jobs.types';
import type { Project } from '../../projects';
import { ErasedPeopleRepository } from './erased-people.repository';
import { ErasuresRepository } from './erasures.repository';
import { ErasureSweeper } from './sweeper';

/** Kind of the job that erases a visitor. */
export const ERASE_VISITOR = 'visitor.erase';
/** Somebody else erases for this project, and finishes other jobs with its own: a thousand that wait need not look often. */
const LOOK_AGAIN_MS = 5_000;
const LOOK_SELDOM_MS = 30_000;

@Injectable()
export class ErasureService implements OnModuleInit {
  constructor(
    private readonly erasures: ErasuresRepository,
    private readonly people: ErasedPeopleRepository,
    private readonly rows: VisitorRows,
    private readonly sweeper: ErasureSweeper,
    private readonly erased: ErasedVisitors,
    private readonly jobs: JobsService,
    private readonly times: ErasureTimes,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.jobs.handle(ERASE_VISITOR, ({ id }) => this.#work(id), { patient: true });
  }

  /** Begins to erase the person that a hash stands for. @throws notFound where nothing is known of it, storeUnavailable */
  async erase(project: Project, hash: string, actor: Actor, caller: Caller): Promise<JobRecord> {
    const now = this.clock.now();
    const hashes = await this.people.hashesOf(project.number, hash, caller);
    if (!(await this.#isKnown(project, hashes, now)))
      throw notFound({ detail: 'The project keeps nothing of this visitor.' });
    const job = await this.erasures.begin(project, hashes, now, actor, (db) =>
      this.jobs.keep(db, ERASE_VISITOR, project.id),
    );
    await this.jobs.enqueueKept(job);
    // Here at once; the others look each second.
    await this.erased.refresh().catch(() => undefined);
    return job;
  }

  async #isKnown(project: Project, hashes: readonly string[], now: number): Promise<boolean> {
    return (
      (await this.erasures.isKnown(project, hashes)) ||
      (await this.rows.isKnown(
        project.number,
        hashes.map((hash) => ({ hash, erasedAt: now })),
      ))
    );
  }

  async #work(job: string): Promise<CallAgain | void> {
    const { writersMs } = this.times;
    let stage = await this.erasures.stageOf(job, writersMs);
    if (stage?.isNew === true) await this.sweeper.hideStored(stage.project);
    else if (stage !== undefined && !stage.isHidden && stage.inMs === 0) await this.sweeper.sweep(stage.project);
    stage = await this.erasures.stageOf(job, writersMs);
    if (stage === undefined) return undefined;
    // Whoever takes it off the disk ends the job as well.
    if (stage.isHidden) return { inMs: LOOK_SELDOM_MS };
    return { inMs: stage.inMs > 0 && !stage.isNew ? stage.inMs : LOOK_AGAIN_MS };
  }
}
