// Are months that are over one part each? Then FINAL costs nothing. One month a run, behind every chart, and never into a full disk.
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { DAY_MS, HOUR_MS } from '../../common/time-range';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { ChoreNotes } from './chore-notes';
import { clearMonth, disks, mergeMonth, type MonthRow, monthsOnDisk } from './housekeeping.queries';

const CHORE = 'merge-closed-months';
const TIDY = 'clear-deleted-rows';
/** A month that events still come into is left alone. */
const QUIET_MS = HOUR_MS;
/** Late events trickle in: a month is merged once for all of a day's. */
const AGAIN_MS = DAY_MS;
/** Deleted rows are hidden at once; to take them off the disk, a part is written anew. */
const TIDY_AGAIN_MS = 7 * DAY_MS;
/** A merge writes the month once more before the old parts go. */
const ROOM = 2;
/** Notes of months that are gone. */
const FORGET_MS = 60 * DAY_MS;
/** A month of a hundred million events takes minutes; the engine goes on where this runs out. */
const TIMEOUT_MS = 1_800_000;

@Injectable()
export class ClosedMonths {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly notes: ChoreNotes,
    private readonly clock: Clock,
  ) {}

  /** Merges one closed month that has several parts; where there is none, takes deleted rows of one off the disk.
   *  @returns the month, YYYYMM; undefined: nothing was to do */
  async run(): Promise<string | undefined> {
    const now = this.clock.now();
    const months = await this.clickhouse.rows<MonthRow>(monthsOnDisk, { purpose: CHORE, background: true });
    const closed = months.filter(({ month, changed }) => month < monthOf(now) && changed < now - QUIET_MS);
    const free = await this.#freeBytes();
    const fits = closed.filter(({ bytes }) => bytes * ROOM < free);
    const merged = await this.notes.of(CHORE);
    const toMerge = fits
      .filter(({ month, parts }) => parts > 1 && (merged.get(month)?.at ?? 0) < now - AGAIN_MS)
      .sort((a, b) => b.parts - a.parts)[0];
    if (toMerge !== undefined) return this.#do(CHORE, toMerge.month, mergeMonth(toMerge.month));
    const cleared = await this.notes.of(TIDY);
    const toClear = fits.find(({ month, masked }) => masked > 0 && (cleared.get(month)?.at ?? 0) < now - TIDY_AGAIN_MS);
    return toClear === undefined ? undefined : this.#do(TIDY, toClear.month, clearMonth(toClear.month));
  }

  async #do(chore: string, month: string, statement: ReturnType<typeof mergeMonth>): Promise<string> {
    await this.clickhouse.run(statement, { background: true, timeoutMs: TIMEOUT_MS });
    await this.notes.done(chore, this.clock.now(), { subject: month });
    await this.notes.forget(chore, this.clock.now() - FORGET_MS);
    return month;
  }

  async #freeBytes(): Promise<number> {
    const rows = await this.clickhouse.rows<{ free: number }>(disks, { purpose: CHORE, background: true });
    return Math.min(...rows.map(({ free }) => free));
  }
}

/** YYYYMM of a moment, UTC. */
const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7).replace('-', '');
