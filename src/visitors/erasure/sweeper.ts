// How does everything of some visitors go out of sight? Step by step, each of which can be taken again: a process that dies leaves nothing
// undone for good. What is hidden then is taken off the disk by `ErasurePurger`.
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { coalesce, SECOND_MS } from '../../common/time-range';
import { ErasureTimes, VisitorErasers, VisitorRows } from '../../events';
import { JobsService } from '../../platform/queue/jobs.service';
import { Maintenance } from '../../platform/queue/maintenance';
import { ClaimKeeper, HELD_MS } from './claim-keeper';
import { type Claimed, ErasuresRepository } from './erasures.repository';

/** The warehouse may be away: then all of it is tried again later. */
const SPOOL_PATIENCE_MS = 60 * SECOND_MS;
const LOOK_AFTER_MS = 10 * SECOND_MS;
const MOST_ROUNDS = 3;
/** How far a job is: what was stored is hidden; and nothing can come after it. The rest is taking it off the disk. */
export const PROGRESS = { stored: 0.25, hidden: 0.5 } as const;

@Injectable()
export class ErasureSweeper implements OnModuleInit {
  readonly #logger = new Logger(ErasureSweeper.name);

  constructor(
    private readonly erasures: ErasuresRepository,
    private readonly rows: VisitorRows,
    private readonly erasers: VisitorErasers,
    private readonly jobs: JobsService,
    private readonly maintenance: Maintenance,
    private readonly keeper: ClaimKeeper,
    private readonly times: ErasureTimes,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    // What no job waits for, and what a worker left behind that died.
    this.maintenance.every(LOOK_AFTER_MS, 'erase-visitors', async () => {
      for (const project of await this.erasures.ripeProjects(this.times.writersMs)) await this.sweep(project);
    });
  }

  /** Hides what is stored now of those of a project that nobody has looked at yet. Somebody who did not know of them may still store something:
   *  `sweep` is to follow.
   *  @returns whether there were any, and nobody else was at it */
  async hideStored(project: number): Promise<boolean> {
    const claimed = await this.erasures.claim(project, undefined, HELD_MS);
    if (claimed === undefined) return false;
    await this.keeper.during(claimed, async () => {
      await this.#hide(claimed, await this.rows.around(project, claimed.hashes));
      await this.jobs.advance(await this.erasures.jobsOf(claimed), PROGRESS.stored);
      await this.erasures.hold(claimed, 0);
    });
    return true;
  }

  /** Hides, for good, those of a project to which nothing can be added any more, together.
   *  @returns whether there were any, and nobody else was at it
   *  @throws where a store is away; all of it is to be tried again */
  async sweep(project: number): Promise<boolean> {
    const claimed = await this.erasures.claim(project, this.times.writersMs, HELD_MS);
    if (claimed === undefined) return false;
    await this.keeper.during(claimed, () => this.#hideForGood(claimed));
    this.#logger.log({ projectId: claimed.project.id, hashes: claimed.hashes.length }, 'visitors were hidden');
    return true;
  }

  async #hideForGood(claimed: Claimed): Promise<void> {
    const { project, hashes } = claimed;
    if (!(await this.rows.isSpoolPassed(SPOOL_PATIENCE_MS))) throw new Error('the spool is not empty yet');
    let seen = claimed;
    let near: readonly string[] | undefined = await this.rows.around(project.number, hashes);
    for (let round = 1; ; round += 1) {
      seen = await this.#hide(seen, near);
      if (!(await this.rows.isAnyLeft({ project: project.number, hashes }))) break;
      if (round === MOST_ROUNDS) throw new Error('rows of erased visitors keep coming');
      // A link that was never stored would say where to look: now everywhere.
      near = undefined;
    }
    await this.erasures.hidden(claimed);
    await this.jobs.advance(await this.erasures.jobsOf(claimed), PROGRESS.hidden);
  }

  /** One pass. @returns the claim with all that was touched */
  async #hide(claimed: Claimed, near: readonly string[] | undefined): Promise<Claimed> {
    const { project, hashes } = claimed;
    const gone = { project: project.number, hashes, ...(near === undefined ? {} : { near }) };
    await this.rows.eachDoubtfulId(gone, (ids) => this.erasures.rememberEvents(project.number, ids, this.clock.now()));
    const found = await this.rows.touched(gone);
    const touched = coalesce([...claimed.touched, ...found]);
    // Before anything goes: of events that are gone nobody could tell when they were.
    await this.erasures.touch(claimed, touched);
    await this.rows.mark(project.number, touched);
    await this.rows.delete(gone, found);
    await this.erasures.deleteRows(claimed);
    for (const eraser of this.erasers.all()) await eraser.eraseVisitors({ project, visitors: hashes, touched });
    return { ...claimed, touched };
  }
}
