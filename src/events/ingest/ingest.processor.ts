// Who looks after what was taken in? Any worker: it empties the spool, oldest block first, and settles ids that were stored twice.
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { HOUR_MS, MINUTE_MS } from '../../common/time-range';
import { Env, StoreUrls } from '../../config/env';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { ClickHouseFault } from '../../platform/clickhouse/faults';
import { onlyOne } from '../../platform/postgres/only-one';
import { Maintenance } from '../../platform/queue/maintenance';
import { keyOf } from './block';
import { EventStore } from './event-store';
import { Spool } from './spool';

const DRAIN_EVERY_MS = 2_000;
/** Nobody waits for an answer here, and a block that once was too slow for a request must still get through: after each try that the
 *  engine did not finish, though it answers, the next one gets twice the time, up to this. Not all of it at once, as a connection that
 *  is never answered would keep everything that waits from the warehouse for as long. */
const PATIENT_MS = 300_000;
const PROBE_MS = 5_000;
/** Any number that nothing else locks: "spol" in ASCII. */
const DRAIN_LOCK = 0x73_70_6f_6c;
const SETTLE_EVERY_MS = 20_000;

@Injectable()
export class IngestProcessor implements OnModuleInit {
  readonly #logger = new Logger(IngestProcessor.name);
  /** What arrived before is settled; at the start an hour is looked at again. */
  #settledUntil: number;
  /** Tries in a row that were given up while the engine answered. */
  #givenUp = 0;

  constructor(
    private readonly maintenance: Maintenance,
    private readonly spool: Spool,
    private readonly store: EventStore,
    private readonly clock: Clock,
    private readonly clickhouse: ClickHouse,
    private readonly env: Env,
    private readonly urls: StoreUrls,
  ) {
    this.#settledUntil = clock.now() - HOUR_MS;
  }

  onModuleInit(): void {
    this.maintenance.every(DRAIN_EVERY_MS, 'drain-spool', () => this.#drainInTurn(), { unasked: true });
    this.maintenance.every(SETTLE_EVERY_MS, 'settle-ids', () => this.settle());
  }

  /** Stores what waits, unless another worker is at it. */
  async #drainInTurn(): Promise<void> {
    if ((await this.spool.depth()).blocks === 0) return;
    await onlyOne(this.urls.postgres, DRAIN_LOCK, () => this.drain());
  }

  /** Stores what waits. A block that was stored already, whole or in part, changes nothing: its rows have the same sort keys,
   *  and ids that may have come in otherwise meanwhile are looked up.
   *  @returns how many blocks were stored */
  async drain(): Promise<number> {
    let drained = 0;
    try {
      for (let next = await this.spool.oldest(); next !== undefined; next = await this.spool.oldest()) {
        if (drained === 0 && !(await this.clickhouse.isUp(PROBE_MS))) break;
        const { id, block } = next;
        const stored = await this.store.findStored(block.entries);
        const fresh = block.entries.filter((entry) => !stored.has(keyOf(entry)));
        await this.store.store({ ...block, entries: fresh }, block.entries, this.#patience());
        await this.spool.remove(id);
        this.#givenUp = 0;
        drained += 1;
      }
    } catch (error) {
      if (!(error instanceof ClickHouseFault)) throw error;
      this.#givenUp += 1;
      this.#logger.debug({ fault: error.type }, 'the spool waits on');
    }
    if (drained > 0) this.#logger.log({ blocks: drained }, 'blocks of the spool were stored');
    await this.spool.depth();
    return drained;
  }

  /** More than a request waits for an insert, always: the store tells patient writers by it. */
  #patience(): number {
    const least = 2 * this.env.INSERT_TIMEOUT_MS;
    return Math.max(least, Math.min(PATIENT_MS, least * 2 ** this.#givenUp));
  }

  /** Leaves one row of each id that arrived lately. A minute is looked at twice: clocks of replicas differ, and inserts take time.
   *  A clock that was set back counts from where it is: what arrived since lies before the moment that was reached.
   *  @returns how many ids had more than one row */
  async settle(): Promise<number> {
    const begun = this.clock.now();
    const settled = await this.store.settleSince(Math.min(this.#settledUntil, begun) - MINUTE_MS);
    this.#settledUntil = begun;
    if (settled > 0) this.#logger.log({ ids: settled }, 'ids that were stored under two times were settled');
    return settled;
  }
}
