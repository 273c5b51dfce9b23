// Is everything that is derived of a project right? A job that checks cell after cell, then what lies between them, and waits until
// what was wrong is derived again.
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type Actor, AuditLog } from '../../audit';
import { Postgres } from '../../platform/postgres/postgres';
import type { JobRecord } from '../../platform/queue/jobs.types';
import { JobsService, type CallAgain, type JobRun } from '../../platform/queue/jobs.service';
import type { Project } from '../../projects';
import { AggregationOptions } from '../aggregation.options';
import { AggregationRepository } from '../aggregation.repository';
import { STORABLE } from '../../events/query';
import { CellsRepository } from '../cells.repository';
import { REBUILD } from '../step-plan';
import { RollupChecker } from './checker';

/** Kind of the job. */
export const VERIFY = 'rollups.verify';

const CELLS_A_LOOK = 20;
const LOOK_AGAIN_MS = 1_000;

/** What is kept between two turns of the job. */
interface Kept {
  project: number;
  /** Cells that begin before this are done. */
  after: number;
  /** Once all cells are done: what lies between cells before this is done too. */
  gapsAfter?: number;
  total: number;
  result: { cells: number; right: number; wrong: number; repaired: number; moving: number };
}

@Injectable()
export class VerifyService implements OnModuleInit {
  constructor(
    private readonly jobs: JobsService,
    private readonly repository: AggregationRepository,
    private readonly cells: CellsRepository,
    private readonly checker: RollupChecker,
    private readonly options: AggregationOptions,
    private readonly audit: AuditLog,
    private readonly postgres: Postgres,
  ) {}

  onModuleInit(): void {
    this.jobs.handle(VERIFY, (run) => this.#turn(run), { patient: true });
  }

  /** Starts the job. @throws storeUnavailable */
  async start(project: Project, actor: Actor): Promise<JobRecord> {
    const status = await this.repository.status(project.number, this.options.graceMs);
    const kept: Kept = {
      project: project.number,
      after: 0,
      total: status?.cells ?? 0,
      result: { cells: 0, right: 0, wrong: 0, repaired: 0, moving: 0 },
    };
    const job = await this.postgres.transaction(async (db) => {
      await this.audit.record(db, actor, { projectId: project.id, action: 'project.verified', targetId: project.id });
      return this.jobs.keep(db, VERIFY, project.id, { ...kept });
    });
    await this.jobs.enqueueKept(job);
    return job;
  }

  async #turn(run: JobRun): Promise<CallAgain | void> {
    const kept = run.data as unknown as Kept;
    if (kept.gapsAfter !== undefined) return this.#gaps(run, kept, kept.gapsAfter);
    const result = { ...kept.result };
    let { after } = kept;
    const began = performance.now();
    while (performance.now() - began < this.options.turnMs) {
      const cells = await this.cells.cellsFrom(kept.project, after, CELLS_A_LOOK);
      if (cells.length === 0) return this.#gaps(run, { ...kept, result }, 0);
      for (const cell of cells) {
        const outcome = await this.checker.check(kept.project, cell);
        result.cells += 1;
        result[outcome] += 1;
        after = cell.from + 1;
        if (performance.now() - began >= this.options.turnMs) break;
      }
      await run.save({ after, result });
      await run.progress(Math.min(0.99, result.cells / Math.max(kept.total, 1)));
    }
    return { inMs: this.#rest(began) };
  }

  /** Events in no cell: each stretch of them counts as a cell that is wrong. */
  async #gaps(run: JobRun, kept: Kept, after: number): Promise<CallAgain | void> {
    const result = { ...kept.result };
    const began = performance.now();
    for (const gap of await this.checker.gaps(kept.project, after)) {
      if (performance.now() - began >= this.options.turnMs) return { inMs: this.#rest(began) };
      const outcome = await this.checker.checkGap(kept.project, gap);
      if (outcome !== 'right') {
        result.cells += 1;
        result[outcome] += 1;
      }
      await run.save({ gapsAfter: gap.to, result });
    }
    await run.save({ gapsAfter: STORABLE.to, result });
    return this.#end(run, result);
  }

  #rest(began: number): number {
    return Math.min(performance.now() - began, this.options.longestRestMs);
  }

  async #end(run: JobRun, result: Kept['result']): Promise<CallAgain | void> {
    if (result.wrong === result.repaired) return;
    const left = await this.repository.left((run.data as unknown as Kept).project, STORABLE, REBUILD);
    if (left.length > 0) return { inMs: LOOK_AGAIN_MS };
    await run.save({ result: { ...result, repaired: result.wrong } });
  }
}
