// How is history derived anew on request? Its days are marked together with the job, which then follows until none of them waits.
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type Actor, AuditLog } from '../../audit';
import { Clock } from '../../common/clock';
import { resolveRange } from '../../common/period';
import { DAY_MS, shared, type TimeRange } from '../../common/time-range';
import { JobsService, type CallAgain, type JobRun } from '../../platform/queue/jobs.service';
import type { JobRecord } from '../../platform/queue/jobs.types';
import type { Project } from '../../projects';
import { AggregationOptions } from '../aggregation.options';
import { AggregationRepository } from '../aggregation.repository';
import { CellStore } from '../cell-store';
import { STORABLE } from '../../events/query';
import { localDaysOf, utcDayOf } from '../cells';
import { CellsRepository } from '../cells.repository';

/** Kind of the job. */
export const BACKFILL = 'rollups.backfill';

const LOOK_AGAIN_MS = 1_000;
const BEGINNING = '1970-01-01T00:00:00.000Z';

/** What is kept with the job. */
interface Kept {
  project: number;
  range: TimeRange;
  markedAt: number;
  result: { days: number; done: number };
}

@Injectable()
export class BackfillService implements OnModuleInit {
  constructor(
    private readonly jobs: JobsService,
    private readonly repository: AggregationRepository,
    private readonly cells: CellsRepository,
    private readonly store: CellStore,
    private readonly options: AggregationOptions,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.jobs.handle(BACKFILL, (run) => this.#follow(run), { patient: true });
  }

  /** Marks every day of a range that holds events, or something derived, and starts the job that follows.
   *  @param asked days or times, as in statistics; what is missing is the beginning, or now
   *  @throws invalidInput, storeUnavailable */
  async start(project: Project, asked: { from?: string; to?: string }, actor: Actor): Promise<JobRecord> {
    const now = this.clock.now();
    const meant = resolveRange(
      { from: asked.from ?? BEGINNING, to: asked.to ?? new Date(now).toISOString() },
      { timezone: project.timezone, now },
    );
    const range = shared(meant, STORABLE) ?? { from: 0, to: 0 };
    const state = await this.repository.state(project.number, this.options.graceMs);
    const horizon = state?.horizon ?? undefined;
    const within = { from: range.from, to: Math.min(range.to, horizon ?? now) };
    const days = within.from < within.to ? await this.#days(project, within) : [];
    const kept: Kept = {
      project: project.number,
      range,
      markedAt: now,
      result: { days: days.length, done: 0 },
    };
    // Of a project of which nothing is derived yet all days will be marked when it is begun.
    const job = await this.repository.rebuild(project.number, horizon === undefined ? [] : days, async (db) => {
      await this.audit.record(db, actor, {
        projectId: project.id,
        action: 'project.backfilled',
        targetId: project.id,
        changes: { from: { after: asked.from ?? null }, to: { after: asked.to ?? null } },
      });
      return this.jobs.keep(db, BACKFILL, project.id, { ...kept });
    });
    await this.jobs.enqueueKept(job);
    return job;
  }

  /** UTC days that hold events or a part of a cell, cut to the range. */
  async #days(project: Project, range: TimeRange): Promise<TimeRange[]> {
    const [withEvents, cells] = await Promise.all([
      this.store.days(project.number, range.to),
      this.cells.cells(project.number, range),
    ]);
    const starts = new Set([
      ...withEvents,
      ...cells.flatMap((cell) => localDaysOf('UTC', cell).map(({ from }) => from)),
    ]);
    return [...starts].toSorted((a, b) => a - b).flatMap((from) => shared({ from, to: from + DAY_MS }, range) ?? []);
  }

  async #follow(run: JobRun): Promise<CallAgain | void> {
    const { project, range, markedAt, result } = run.data as unknown as Kept;
    const state = await this.repository.state(project, this.options.graceMs);
    // A project that is gone needs nothing any more.
    if (state === undefined) return;
    if (state.horizon === null) return { inMs: LOOK_AGAIN_MS };
    const left = await this.repository.left(project, range, markedAt);
    const waiting = new Set(left.flatMap((stretch) => localDaysOf('UTC', stretch).map(({ from }) => utcDayOf(from))))
      .size;
    const done = Math.max(result.days - waiting, 0);
    await run.save({ result: { days: result.days, done: waiting === 0 ? result.days : done } });
    if (waiting === 0) return;
    await run.progress(done / Math.max(result.days, 1));
    return { inMs: LOOK_AGAIN_MS };
  }
}
