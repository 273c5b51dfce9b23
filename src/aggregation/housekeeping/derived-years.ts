// Are the derived rows of a year in one part each? The rows of a value lie together in each part, and a chart reads some of every part: with ten
// of them a breakdown of a year took 1.4 times as long.
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { DAY_MS } from '../../common/time-range';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { ChoreNotes } from './chore-notes';
import { disks, mergeYear, type YearRow, yearsOnDisk } from './housekeeping.queries';

const CHORE = 'merge-derived-years';
/** A merge writes the year once more before the old parts go. */
const ROOM = 2;
/** So much is written anew a day at most, of each year: one of 40 GB each tenth day. */
const BYTES_A_DAY = 4e9;
/** Notes of years that are gone. */
const FORGET_MS = 400 * DAY_MS;
/** 0.9 GB took 28 s; the engine goes on where this runs out. */
const TIMEOUT_MS = 1_800_000;

@Injectable()
export class DerivedYears {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly notes: ChoreNotes,
    private readonly clock: Clock,
  ) {}

  /** Merges a year of derived rows that has several parts, once a day at most.
   *  @returns its table and year; undefined: nothing was to do */
  async run(): Promise<string | undefined> {
    const now = this.clock.now();
    const [years, room, merged] = await Promise.all([
      this.clickhouse.rows<YearRow>(yearsOnDisk, { purpose: CHORE, background: true }),
      this.clickhouse.rows<{ free: number }>(disks, { purpose: CHORE, background: true }),
      this.notes.of(CHORE),
    ]);
    const free = Math.min(...room.map((disk) => disk.free));
    const isDue = ({ table, year, bytes }: YearRow): boolean =>
      (merged.get(`${table} ${year}`)?.at ?? 0) < now - DAY_MS * Math.max(1, bytes / BYTES_A_DAY);
    const next = years.find((one) => one.bytes * ROOM < free && isDue(one));
    if (next === undefined) return undefined;
    await this.clickhouse.run(mergeYear(next), { background: true, timeoutMs: TIMEOUT_MS });
    await this.notes.done(CHORE, now, { subject: `${next.table} ${next.year}` });
    await this.notes.forget(CHORE, now - FORGET_MS);
    return `${next.table} ${next.year}`;
  }
}
