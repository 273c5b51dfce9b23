// What changed about projects and keys? Written with each change, read by every process that remembers keys.
import { gt, lt, sql } from 'drizzle-orm';
import type { Db } from '../platform/postgres/postgres';
import { authChanges, authClock } from './auth.schema';

/** Changes of one project, as read from the log. */
export interface ChangesRead {
  /** Number of the last change there is. */
  version: number;
  /** Projects that changed after the number asked for; undefined where the log no longer goes back so far: everything may have. */
  projectIds: readonly string[] | undefined;
}

const CLOCK_ROW = 1;
const MOST_AT_ONCE = 1_000;
/** A process that could not read for longer forgets everything it knows. */
const KEPT = sql`now() - interval '1 day'`;

/** Notes that a project or its keys changed. Call it in the transaction of the change.
 *  TRICKY: the clock's row stays locked until that transaction ends, so numbers become visible in their order; a sequence's would not. */
export async function recordChange(db: Db, projectId: string): Promise<void> {
  const [clock] = await db
    .insert(authClock)
    .values({ id: CLOCK_ROW, version: 1 })
    .onConflictDoUpdate({ target: authClock.id, set: { version: sql`${authClock.version} + 1` } })
    .returning({ version: authClock.version });
  await db.insert(authChanges).values({ version: clock?.version ?? 0, projectId });
  await db.delete(authChanges).where(lt(authChanges.at, KEPT));
}

/** Reads what changed after `version`. One cheap query where nothing did. */
export async function changesAfter(db: Db, version: number): Promise<ChangesRead> {
  const [clock] = await db.select({ version: authClock.version }).from(authClock);
  const now = clock?.version ?? 0;
  if (now === version) return { version, projectIds: [] };
  const rows = await db
    .select({ version: authChanges.version, projectId: authChanges.projectId })
    .from(authChanges)
    .where(gt(authChanges.version, version))
    .orderBy(authChanges.version)
    .limit(MOST_AT_ONCE);
  const whole = now > version && rows.length < MOST_AT_ONCE && rows[0]?.version === version + 1;
  return whole
    ? { version: rows.at(-1)?.version ?? now, projectIds: [...new Set(rows.map(({ projectId }) => projectId))] }
    : { version: now, projectIds: undefined };
}
