// What does a chore that merges parts need? Room on the disk, a statement that may take long, and a note of what it did.
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import type { Sql } from '../../platform/clickhouse/sql';
import { ChoreNotes } from './chore-notes';
import { disks } from './housekeeping.queries';

/** A merge writes what it merges once more before the old parts go. */
const ROOM = 2;
/** 0.9 GB took 28 s; the engine goes on where this runs out. */
const TIMEOUT_MS = 1_800_000;

/** What is merged at once: a partition, as it lies on the disk. */
interface OnDisk {
  readonly bytes: number;
}

@Injectable()
export abstract class MergingChore {
  constructor(
    protected readonly clickhouse: ClickHouse,
    protected readonly notes: ChoreNotes,
    protected readonly clock: Clock,
  ) {}

  /** Those that may be merged without filling the disk. */
  protected async thatFit<T extends OnDisk>(chore: string, partitions: readonly T[]): Promise<T[]> {
    const rows = await this.clickhouse.rows<{ free: number }>(disks, { purpose: chore, background: true });
    const free = Math.min(...rows.map((disk) => disk.free));
    return partitions.filter(({ bytes }) => bytes * ROOM < free);
  }

  /** Runs a statement, and notes that it did.
   *  @param forgetMs notes older than this are of what is gone
   *  @returns the subject */
  protected async do(chore: string, subject: string, statement: Sql, forgetMs: number): Promise<string> {
    await this.clickhouse.run(statement, { background: true, timeoutMs: TIMEOUT_MS });
    const now = this.clock.now();
    await this.notes.done(chore, now, { subject });
    await this.notes.forget(chore, now - forgetMs);
    return subject;
  }
}
