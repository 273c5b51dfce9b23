// Who empties the spool? Any worker, one at a time, oldest block first, until it is empty or the warehouse goes away again.
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Maintenance } from '../../platform/queue/maintenance';
import { ClickHouseFault } from '../../platform/clickhouse/faults';
import { keyOf } from './block';
import { EventStore } from './event-store';
import { Spool } from './spool';

const EVERY_MS = 2_000;
/** Nobody waits for an answer here, and a block that once was too slow for a request must still get through. */
const PATIENT_MS = 300_000;

@Injectable()
export class SpoolProcessor implements OnModuleInit {
  readonly #logger = new Logger(SpoolProcessor.name);

  constructor(
    private readonly maintenance: Maintenance,
    private readonly spool: Spool,
    private readonly store: EventStore,
  ) {}

  onModuleInit(): void {
    this.maintenance.every(EVERY_MS, 'drain-spool', () => this.drain());
  }

  /** Stores what waits. A block that was stored already, whole or in part, changes nothing: its rows have the same sort keys,
   *  and ids that came in meanwhile are looked up.
   *  @returns how many blocks were stored */
  async drain(): Promise<number> {
    let drained = 0;
    try {
      for (let next = await this.spool.oldest(); next !== undefined; next = await this.spool.oldest()) {
        const { id, block } = next;
        const stored = await this.store.findStored(block.entries);
        const fresh = block.entries.filter((entry) => !stored.has(keyOf(entry)));
        await this.store.store({ ...block, entries: fresh }, block.entries, PATIENT_MS);
        await this.spool.remove(id);
        drained += 1;
      }
    } catch (error) {
      if (!(error instanceof ClickHouseFault)) throw error;
      this.#logger.debug({ fault: error.type }, 'the spool waits on');
    }
    if (drained > 0) this.#logger.log({ blocks: drained }, 'blocks of the spool were stored');
    await this.spool.depth();
    return drained;
  }
}
