// How do requests share inserts, and when may one be answered? While a block is being stored, those that arrive fill the next one.
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '../../common/ids';
import { Problem, storeUnavailable } from '../../common/problem';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { ClickHouseFault } from '../../platform/clickhouse/faults';
import { type Block, type Entry, keyOf, type Reject } from './block';
import { EventStore } from './event-store';
import { Spool } from './spool';

/** What became of an entry. `refused`: the engine takes it never; it is kept as a reject. */
export type Fate = 'accepted' | 'duplicate' | 'refused';

/** - `stored`: in the warehouse, readable now
 *  - `spooled`: on disk, readable when the warehouse is back */
export interface Receipt {
  readonly where: 'stored' | 'spooled';
  /** One for each entry, in the order given. */
  readonly fates: readonly Fate[];
}

interface Submission {
  readonly entries: readonly Entry[];
  readonly rejects: readonly Reject[];
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

/** An insert costs about 12 ms however small it is, and 20 to 30 microseconds a row: past 5,000 rows a block gains little and waits long. */
const BLOCK_ROWS = 5_000;
/** Two blocks at once: one is parsed by the engine while the other is written and synced. */
const LANES = 2;
/** A second block is begun only for so many rows: single events are cheaper in one larger block than in two that run side by side. */
const SECOND_LANE_ROWS = 1_000;
/** About 100 MB of encoded rows. Past it a request is refused at once, before its turn would come too late. */
const WAITING_ROWS = 100_000;
/** Ids of the last minutes: a client's quick retry is recognised without asking the warehouse. About 30 MB. */
const RECENT_IDS = 200_000;
const PROBE_MS = 500;
/** After a small block its senders get a moment to come back, or they would fall into two groups that take turns, each with a block of
 *  its own (32 senders of single events: 17 rows a block without this, 25 with it). It ends when as many are there again; where others
 *  come all the time it lasts as long as it may, which keeps inserts below 20 a second. Nobody waits for it who comes to an idle writer. */
const SMALL_BLOCK_ROWS = 200;
const REGROUP_STEPS = 15;
const REGROUP_STEP_MS = 2;

@Injectable()
export class BlockWriter implements OnModuleDestroy {
  readonly #logger = new Logger(BlockWriter.name);
  readonly #waiting: Submission[] = [];
  #waitingRows = 0;
  #lanes = 0;
  /** Keys of the blocks that are being stored: the same id may not be in two of them. */
  readonly #inFlight = new Set<string>();
  readonly #recent = new Set<string>();
  /** Set while the warehouse is known to be away, so that each request need not wait to find out. */
  #probe: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: EventStore,
    private readonly spool: Spool,
    private readonly clickhouse: ClickHouse,
  ) {}

  /** Stores entries and rejects, whole.
   *  @returns once they are in the warehouse or in the spool
   *  @throws storeUnavailable where neither takes them; then nothing is kept */
  submit(entries: readonly Entry[], rejects: readonly Reject[]): Promise<Receipt> {
    const rows = entries.length + rejects.length;
    if (this.#waitingRows + rows > WAITING_ROWS)
      return Promise.reject(
        storeUnavailable({ detail: 'More events arrive than can be stored.', retryAfterSeconds: 1 }),
      );
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entries, rejects, resolve, reject });
      this.#waitingRows += rows;
      // Requests of the same turn of the event loop go together.
      if (this.#lanes < LANES) setImmediate(() => this.#openLane());
    });
  }

  onModuleDestroy(): void {
    clearTimeout(this.#probe);
  }

  #openLane(): void {
    if (this.#lanes >= LANES || this.#waiting.length === 0) return;
    if (this.#lanes > 0 && this.#waitingRows < SECOND_LANE_ROWS) return;
    this.#lanes += 1;
    void this.#runLane();
  }

  async #runLane(): Promise<void> {
    for (let taken = this.#take(); taken.length > 0; taken = this.#take()) {
      await this.#process(taken);
      if (rowsOf(taken) < SMALL_BLOCK_ROWS) await this.#regroup(taken.length + this.#waiting.length);
    }
    this.#lanes -= 1;
  }

  async #regroup(senders: number): Promise<void> {
    for (let step = 0; step < REGROUP_STEPS && this.#waiting.length < senders; step += 1) await sleep(REGROUP_STEP_MS);
  }

  /** The next submissions, up to a block's size. One that names an id which is in flight waits for that id's fate. */
  #take(): Submission[] {
    const taken: Submission[] = [];
    let rows = 0;
    for (let at = 0; at < this.#waiting.length && rows < BLOCK_ROWS;) {
      const next = this.#waiting[at]!;
      const size = rowsOf([next]);
      if (rows > 0 && rows + size > BLOCK_ROWS) break;
      if (next.entries.some((entry) => entry.idGiven && this.#inFlight.has(keyOf(entry)))) {
        at += 1;
        continue;
      }
      this.#waiting.splice(at, 1);
      taken.push(next);
      rows += size;
    }
    for (const { entries } of taken) for (const entry of entries) if (entry.idGiven) this.#inFlight.add(keyOf(entry));
    this.#waitingRows -= rows;
    return taken;
  }

  async #process(taken: readonly Submission[]): Promise<void> {
    try {
      const { where, duplicates, refused } = await this.#keep(taken);
      for (const { entries, resolve } of taken)
        resolve({
          where,
          fates: entries.map((entry) =>
            duplicates.has(entry) ? 'duplicate' : refused.has(entry) ? 'refused' : 'accepted',
          ),
        });
    } catch (error) {
      for (const { reject } of taken) reject(error);
    } finally {
      for (const { entries } of taken) for (const entry of entries) this.#inFlight.delete(keyOf(entry));
    }
  }

  async #keep(
    taken: readonly Submission[],
  ): Promise<{ where: Receipt['where']; duplicates: Set<Entry>; refused: Set<Entry> }> {
    const duplicates = new Set<Entry>();
    let fresh = this.#withoutRepeats(taken, duplicates);
    const rejects = taken.flatMap((submission) => submission.rejects);
    const id = newId();
    const tried = this.#probe === undefined;
    if (tried) {
      try {
        const sent = fresh;
        const stored = await this.store.findStored(sent);
        for (const entry of sent) if (stored.has(keyOf(entry))) duplicates.add(entry);
        fresh = sent.filter((entry) => !duplicates.has(entry));
        const refused = new Set(await this.#storeWithRetry({ id, entries: fresh, rejects }, sent));
        // A refused event may come again, mended, under the same id.
        this.#remember(fresh.filter((entry) => !refused.has(entry)));
        return { where: 'stored', duplicates, refused };
      } catch (error) {
        if (!(error instanceof ClickHouseFault)) throw error;
        this.#logger.warn({ fault: error.type, rows: fresh.length }, 'a block goes to the spool');
        this.#probeUntilUp();
      }
    }
    if (fresh.length + rejects.length === 0) return { where: 'stored', duplicates, refused: new Set() };
    await this.#toSpool({ id, entries: fresh, rejects }, tried);
    this.#remember(fresh);
    return { where: 'spooled', duplicates, refused: new Set() };
  }

  /** Entries whose id was not seen a moment ago, nor earlier in this block. */
  #withoutRepeats(taken: readonly Submission[], duplicates: Set<Entry>): Entry[] {
    const seen = new Set<string>();
    const fresh: Entry[] = [];
    for (const { entries } of taken)
      for (const entry of entries) {
        const key = entry.idGiven ? keyOf(entry) : undefined;
        if (key !== undefined && (seen.has(key) || this.#recent.has(key))) duplicates.add(entry);
        else fresh.push(entry);
        if (key !== undefined) seen.add(key);
      }
    return fresh;
  }

  /** A connection that broke is worth one more try at once, with the same block and token. */
  async #storeWithRetry(block: Block, sent: readonly Entry[]): Promise<Entry[]> {
    try {
      return await this.store.store(block, sent);
    } catch (error) {
      if (error instanceof ClickHouseFault && error.type === 'NOT_REACHABLE')
        return await this.store.store(block, sent);
      throw error;
    }
  }

  /** @param tried whether the warehouse may have it, or get it in a moment: an insert that was given up can still succeed */
  async #toSpool(block: Block, tried: boolean): Promise<void> {
    try {
      await this.spool.append(block);
    } catch (error) {
      if (tried) this.store.doubt(block);
      throw error instanceof Problem ? error : storeUnavailable({ retryAfterSeconds: 5, cause: error });
    }
  }

  #remember(entries: readonly Entry[]): void {
    for (const entry of entries) if (entry.idGiven) this.#recent.add(keyOf(entry));
    for (const key of this.#recent) {
      if (this.#recent.size <= RECENT_IDS) break;
      this.#recent.delete(key);
    }
  }

  #probeUntilUp(): void {
    if (this.#probe !== undefined) return;
    this.#probe = setInterval(() => void this.#probeOnce(), PROBE_MS);
    this.#probe.unref();
  }

  async #probeOnce(): Promise<void> {
    if (!(await this.clickhouse.isUp())) return;
    clearInterval(this.#probe);
    this.#probe = undefined;
  }
}

const rowsOf = (submissions: readonly Submission[]): number =>
  submissions.reduce((rows, { entries, rejects }) => rows + entries.length + rejects.length, 0);
