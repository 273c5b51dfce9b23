// All SQL about what was counted.
import { Injectable } from '@nestjs/common';
import { lte, sql } from 'drizzle-orm';
import { Postgres } from '../../platform/postgres/postgres';
import { throttleCounts } from '../auth.schema';
import { type Heard, ThrottleStore, type Told } from './throttle-store';

/** Counts in Postgres. */
@Injectable()
export class ThrottleRepository extends ThrottleStore {
  readonly everyMs = 500;

  constructor(private readonly postgres: Postgres) {
    super();
  }

  async add(rows: readonly Told[]): Promise<Heard[]> {
    // Rows in one order for everybody: two processes that lock them in different orders would wait for each other.
    const ordered = [...rows]
      .sort((a, b) => (a.bucket < b.bucket ? -1 : 1))
      .map(({ bucket, windowStart, windowEnd, count }) => ({ bucket, windowStart, windowEnd, count }));
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
        .returning({
          bucket: throttleCounts.bucket,
          windowStart: throttleCounts.windowStart,
          count: throttleCounts.count,
        }),
    );
  }

  async removeBefore(second: number): Promise<void> {
    await this.postgres.run((db) => db.delete(throttleCounts).where(lte(throttleCounts.windowEnd, second)));
  }

  beforeClose(flush: () => Promise<void>): void {
    this.postgres.beforeClose(flush);
  }
}
