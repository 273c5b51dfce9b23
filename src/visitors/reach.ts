// How far must a read of a few visitors go so that none of their sessions in a range is cut? As far as it takes, found by looking.
import type { TimeRange } from '../common/time-range';
import { hexToUInt64 } from '../events/pipeline';
import {
  type EventScope,
  findSessionScan,
  isSmall,
  moment,
  NAMED_GAP_MS,
  type RunQuery,
  SESSION_GAP_MS,
  type SessionScan,
  sessionSource,
  STORABLE,
} from '../events/query';
import { int64, type Sql, sql } from '../platform/clickhouse/sql';
import { hashList } from './people.queries';

/** Whose sessions. */
export interface SomeVisitors {
  readonly ids: readonly string[];
  /** Every visitor of theirs; undefined: too many to list. */
  readonly visitors: readonly string[] | undefined;
}

const FIRST_LOOK_MS = 3 * 3_600_000;
/** Past a day's gap by the second look. */
const WIDEN = 17;

/** Whether a session that touches the range may go on before or after the read: one row { before, after } of how many. A gap that
 *  fits between the session and the edge of the read is silence that was seen. */
export const cutSessions = (scope: EventScope, near: TimeRange, ids: readonly string[]): Sql => {
  const gap = sql`if(session_id = 0, ${int64(SESSION_GAP_MS)}, ${int64(NAMED_GAP_MS)})`;
  return sql`
SELECT
  countIf(toUnixTimestamp64Milli(session_began) - ${int64(near.from)} <= ${gap}) AS before,
  countIf(${int64(near.to)} - toUnixTimestamp64Milli(session_ended) <= ${gap}) AS after
FROM ${sessionSource(scope)}
WHERE session_began < ${moment(scope.range.to)} AND session_ended >= ${moment(scope.range.from)} AND identity IN ${hashList(ids)}`;
};

/** The scan that holds every session of some visitors that touches the range, whole.
 *  @throws what `run` throws */
export async function findReach(
  run: RunQuery,
  scope: EventScope,
  { ids, visitors }: SomeVisitors,
): Promise<SessionScan> {
  if (visitors === undefined) return findSessionScan(run, scope.project, scope.range);
  const related = visitors.map(hexToUInt64);
  if (await isSmall(run, scope.project)) return { near: STORABLE, related };
  const near = await widenUntilWhole(scope, async (read) => {
    const sessions = { near: read, related };
    const [cut] = await run<{ before: number; after: number }>(cutSessions({ ...scope, sessions }, read, ids));
    return { before: (cut?.before ?? 0) > 0, after: (cut?.after ?? 0) > 0 };
  });
  return { near, related };
}

/** Reads wider and wider around the range, until no session that touches it may go on beyond the read.
 *  @param read tells on which sides one may
 *  @returns the range of the last read */
export async function widenUntilWhole(
  { range, since }: Pick<EventScope, 'range' | 'since'>,
  read: (near: TimeRange) => Promise<{ before: boolean; after: boolean }>,
): Promise<TimeRange> {
  const begin = Math.max(STORABLE.from, since ?? STORABLE.from);
  const reach = { before: FIRST_LOOK_MS, after: FIRST_LOOK_MS };
  for (;;) {
    const near = {
      from: Math.max(begin, range.from - reach.before),
      to: Math.min(STORABLE.to, range.to + reach.after),
    };
    const cut = await read(near);
    const back = cut.before && near.from > begin;
    const ahead = cut.after && near.to < STORABLE.to;
    if (!back && !ahead) return near;
    if (back) reach.before *= WIDEN;
    if (ahead) reach.after *= WIDEN;
  }
}
