// How does a test get its events derived at once? Nobody waits for writers that look seldom: these look each time.
import { sql } from 'drizzle-orm';
import { AggregationOptions } from '../../src/aggregation/aggregation.options';
import { AggregationProcessor } from '../../src/aggregation/aggregation.processor';
import { ChangeTimes } from '../../src/events';
import { Postgres } from '../../src/platform/postgres/postgres';
import type { TestApp } from './test-app';

/** Readies an application for `deriveNow`. Every replica that writes needs it: a writer that believed for longer what it once saw would
 *  leave late events unmarked.
 *  @param fewestEvents of a day that is derived by value */
export function hurry({ app }: TestApp, { fewestEvents }: { fewestEvents?: number } = {}): void {
  Object.assign(app.get(ChangeTimes, { strict: false }), { viewMs: 100, leaseMs: 0 });
  Object.assign(app.get(AggregationOptions, { strict: false }), {
    graceMs: 0,
    longestRestMs: 10,
    fewestOfProject: 0,
    // Of every visitor, so that nobody needs a low hash.
    copyOf: 1,
    fewestCopied: fewestEvents ?? 1,
    fewestRolling: fewestEvents ?? 1,
    fewestOfMonth: fewestEvents ?? 1,
    ...(fewestEvents === undefined ? {} : { fewestEvents }),
  });
}

/** What the chore does each five seconds, but marks are over at once. */
export async function deriveNow({ app }: TestApp): Promise<void> {
  await app.get(Postgres).run((db) => db.execute(sql`UPDATE stale_ranges SET until = least(until, now())`));
  await app.get(AggregationProcessor, { strict: false }).look();
}
