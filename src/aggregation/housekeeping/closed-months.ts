// Are months that are over one part each? Then FINAL costs nothing. One month a run, behind every chart, and never into a full disk.
import { Injectable } from '@nestjs/common';
import { DAY_MS, HOUR_MS } from '../../common/time-range';
import { clearMonth, mergeMonth, type MonthRow, monthsOnDisk } from './housekeeping.queries';
import { MergingChore } from './merging-chore';

const CHORE = 'merge-closed-months';
const TIDY = 'clear-deleted-rows';
/** A month that events still come into is left alone. */
const QUIET_MS = HOUR_MS;
/** Late events trickle in: a month is merged once for all of a day's. */
const AGAIN_MS = DAY_MS;
/** Deleted rows are hidden at once; to take them off the disk, a part is written anew. */
const TIDY_AGAIN_MS = 7 * DAY_MS;
/** Notes of months that are gone. */
const FORGET_MS = 60 * DAY_MS;

@Injectable()
export class ClosedMonths extends MergingChore {
  /** Merges one closed month that has several parts; where there is none, takes deleted rows of one off the disk.
   *  @returns the month, YYYYMM; undefined: nothing was to do */
  async run(): Promise<string | undefined> {
    const now = this.clock.now();
    const months = await this.clickhouse.rows<MonthRow>(monthsOnDisk, { purpose: CHORE, background: true });
    const closed = months.filter(({ month, changed }) => month < monthOf(now) && changed < now - QUIET_MS);
    const fit = await this.thatFit(CHORE, closed);
    const merged = await this.notes.of(CHORE);
    const toMerge = fit
      .filter(({ month, parts }) => parts > 1 && (merged.get(month)?.at ?? 0) < now - AGAIN_MS)
      .sort((a, b) => b.parts - a.parts)[0];
    if (toMerge !== undefined) return this.do(CHORE, toMerge.month, mergeMonth(toMerge.month), FORGET_MS);
    const cleared = await this.notes.of(TIDY);
    const toClear = fit.find(({ month, masked }) => masked > 0 && (cleared.get(month)?.at ?? 0) < now - TIDY_AGAIN_MS);
    return toClear === undefined ? undefined : this.do(TIDY, toClear.month, clearMonth(toClear.month), FORGET_MS);
  }
}

/** YYYYMM of a moment, UTC. */
const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7).replace('-', '');
