// All SQL about what was counted.
import { Injectable } from '@nestjs/common';
import { lte, sql } from 'drizzle-orm';
import { Postgres } from '../../platform/postgres/postgres';
import { throttleCounts } from '../auth.schema';

/** A count of one bucket in one window; times are seconds since the epoch. */
export type CountRow = typeof throttleCounts.$inferSelect;

/** Counts in Postgres. */
@Injectable()
export class ThrottleRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Adds counts. @returns each bucket's count by all processes together */
  async add(rows: readonly CountRow[]): Promise<Pick<CountRow, 'bucket' | 'count'>[]> {
    // Rows in one order for everybody: two processes that lock them in different orders would wait for each other.
    const ordered = [...rows].sort((a, b) => (a.bucket < b.bucket ? -1 : 1));
    return this.postgres.run((db) =>
      db
        .insert(throttleCounts)
        .values(ordered)
        .onConflictDoUpdate({
          target: [throttleCounts.bucket, throttleCounts.windowStart],
          set: {
            count: sql`${throttleCounts.count} + excluded.count`,
            windowEnd: sql`greatest(${throttleCounts.windowEnd}, excluded.window_end)`,
          },
        })
        .returning({ bucket: throttleCounts.bucket, count: throttleCounts.count }),
    );
  }

  /** Removes windows that ended before a second. */
  async removeBefore(second: number): Promise<void> {
    await this.postgres.run((db) => db.delete(throttleCounts).where(lte(throttleCounts.windowEnd, second)));
  }
}
