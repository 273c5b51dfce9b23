// Are the derived rows of a partition in one part each? The rows of a value lie together in each part, and a chart reads some of every part:
// with ten of them a breakdown of a year took 1.4 times as long.
import { Injectable } from '@nestjs/common';
import { DAY_MS } from '../../common/time-range';
import { derivedOnDisk, mergeDerived, type DerivedOnDisk } from './housekeeping.queries';
import { MergingChore } from './merging-chore';

const CHORE = 'merge-derived-years';
/** So much is written anew a day at most, of each partition: one of 40 GB each tenth day. */
const BYTES_A_DAY = 4e9;
/** Notes of partitions that are gone. */
const FORGET_MS = 400 * DAY_MS;

@Injectable()
export class DerivedPartitions extends MergingChore {
  /** Merges a partition of derived rows that has several parts, once a day at most.
   *  @returns its table and name; undefined: nothing was to do */
  async run(): Promise<string | undefined> {
    const now = this.clock.now();
    const [partitions, merged] = await Promise.all([
      this.clickhouse.rows<DerivedOnDisk>(derivedOnDisk, { purpose: CHORE, background: true }),
      this.notes.of(CHORE),
    ]);
    const fit = await this.thatFit(CHORE, partitions);
    const next = fit.find(
      (one) => (merged.get(subjectOf(one))?.at ?? 0) < now - DAY_MS * Math.max(1, one.bytes / BYTES_A_DAY),
    );
    return next === undefined ? undefined : this.do(CHORE, subjectOf(next), mergeDerived(next), FORGET_MS);
  }
}

const subjectOf = ({ table, partition }: DerivedOnDisk): string => `${table} ${partition}`;
