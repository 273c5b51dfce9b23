// How does everything of some visitors go? Step by step, each of which can be taken again: a process that dies leaves nothing undone for good.
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { coalesce, SECOND_MS } from '../../common/time-range';
import { ErasureTimes, VisitorErasers, VisitorRows } from '../../events';
import { JobsService } from '../../platform/queue/jobs.service';
import { Maintenance } from '../../platform/queue/maintenance';
import { type Claimed, ErasuresRepository } from './erasures.repository';

/** A claim is held for so long, and said again a few times before that is over. */
const HELD_MS = 60 * SECOND_MS;
const HOLD_EVERY_MS = 15 * SECOND_MS;
/** The warehouse may be away: then all of it is tried again later. */
const SPOOL_PATIENCE_MS = 60 * SECOND_MS;
const LOOK_AFTER_MS = 10 * SECOND_MS;
const MOST_ROUNDS = 3;

@Injectable()
export class ErasureSweeper implements OnModuleInit {
  readonly #logger = new Logger(ErasureSweeper.name);

  constructor(
    private readonly erasures: ErasuresRepository,
    private readonly rows: VisitorRows,
    private readonly erasers: VisitorErasers,
    private readonly jobs: JobsService,
    private readonly maintenance: Maintenance,
    private readonly times: ErasureTimes,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    // What no job waits for, and what a worker left behind that died.
    this.maintenance.every(LOOK_AFTER_MS, 'erase-visitors', async () => {
      for (const project of await this.erasures.ripeProjects(this.times.writersMs)) await this.sweep(project);
    });
  }

  /** Erases those of a project that may go by now, together.
   *  @returns whether there were any, and nobody else was at it
   *  @throws where a store is away; all of it is to be tried again */
  async sweep(project: number): Promise<boolean> {
    const claimed = await this.erasures.claim(project, this.times.writersMs, HELD_MS);
    if (claimed === undefined) return false;
    const hold = setInterval(() => void this.#hold(claimed), HOLD_EVERY_MS);
    try {
      await this.#erase(claimed);
      this.#logger.log({ projectId: claimed.project.id, hashes: claimed.hashes.length }, 'visitors were erased');
      return true;
    } catch (error) {
      clearInterval(hold);
      await this.erasures.hold(claimed, 0).catch(() => undefined);
      throw error;
    } finally {
      clearInterval(hold);
    }
  }

  async #erase(claimed: Claimed): Promise<void> {
    const { project, hashes } = claimed;
    if (!(await this.rows.isSpoolPassed(SPOOL_PATIENCE_MS))) throw new Error('the spool is not empty yet');
    let touched = claimed.touched;
    let near: readonly string[] | undefined = await this.rows.around(project.number, hashes);
    for (let round = 1; ; round += 1) {
      const gone = { project: project.number, hashes, ...(near === undefined ? {} : { near }) };
      await this.rows.eachDoubtfulId(gone, (ids) =>
        this.erasures.rememberEvents(project.number, ids, this.clock.now()),
      );
      const found = await this.rows.touched(gone);
      // Before anything goes: of events that are gone nobody could tell when they were.
      await this.erasures.touch(claimed, found);
      touched = coalesce([...touched, ...found]);
      await this.rows.mark(project.number, touched);
      await this.rows.delete(gone);
      await this.erasures.deleteRows(claimed);
      for (const eraser of this.erasers.all()) await eraser.eraseVisitors({ project, visitors: hashes, touched });
      if ((await this.rows.left(gone)) === 0) break;
      if (round === MOST_ROUNDS) throw new Error('rows of erased visitors keep coming');
      // A link that was never stored would say where to look: now everywhere.
      near = undefined;
    }
    await this.erasures.finish(claimed, (db, ids) => this.jobs.complete(db, ids));
  }

  async #hold(claimed: Claimed): Promise<void> {
    await this.erasures
      .hold(claimed, HELD_MS)
      .catch(() => this.#logger.warn('an erasure could not say that it goes on'));
  }
}
