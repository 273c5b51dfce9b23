// When is what was hidden off the disk? Parts are written anew without it, once for all that wait: a part of ten million rows takes 15 seconds
// of CPU, for one visitor as for thousands. Each step can be taken again.
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { SECOND_MS } from '../../common/time-range';
import { ErasureTimes, VisitorErasers, VisitorRows } from '../../events';
import { JobsService } from '../../platform/queue/jobs.service';
import { Maintenance } from '../../platform/queue/maintenance';
import { ClaimKeeper, HELD_MS } from './claim-keeper';
import { ErasuresRepository } from './erasures.repository';
import { type ClaimedPurge, PurgesRepository } from './purges.repository';

const LOOK_EVERY_MS = 5 * SECOND_MS;

@Injectable()
export class ErasurePurger implements OnModuleInit {
  readonly #logger = new Logger(ErasurePurger.name);

  constructor(
    private readonly purges: PurgesRepository,
    private readonly erasures: ErasuresRepository,
    private readonly rows: VisitorRows,
    private readonly erasers: VisitorErasers,
    private readonly jobs: JobsService,
    private readonly maintenance: Maintenance,
    private readonly keeper: ClaimKeeper,
    private readonly times: ErasureTimes,
  ) {}

  onModuleInit(): void {
    this.maintenance.every(LOOK_EVERY_MS, 'purge-erased', () => this.purge());
  }

  /** Takes off the disk what has been hidden for long enough, of all projects, and ends the jobs that waited for it.
   *  @returns whether there was anything to do, and nobody else was at it
   *  @throws where a store is away or has no room to write a part anew; all of it is to be tried again */
  async purge(): Promise<boolean> {
    const { readersMs, gatherMs } = this.times;
    const claimed = await this.purges.claim(readersMs, Math.max(readersMs, gatherMs), HELD_MS);
    if (claimed === undefined) return false;
    await this.keeper.during(claimed, () => this.#purge(claimed));
    return true;
  }

  async #purge(claimed: ClaimedPurge): Promise<void> {
    const { claim, hidden } = claimed;
    for (const eraser of this.erasers.all()) await eraser.purgeVisitors?.(hidden);
    await this.rows.purge(hidden.flatMap(({ touched }) => touched));
    for (const { project, visitors } of hidden)
      if (await this.rows.isAnyLeft({ project: project.number, hashes: visitors }, { onDisk: true })) {
        await this.purges.reopen(claimed);
        throw new Error('rows of erased visitors were found on the disk');
      }
    for (const { project } of hidden)
      await this.erasures.finish({ claim, project }, (db, ids) => this.jobs.complete(db, ids));
    this.#logger.log({ projects: hidden.length }, 'what was erased is off the disk');
  }
}
