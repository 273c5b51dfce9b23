// How far must a read go around a range, so that no session is cut? As far as the sessions that touch it, found by looking.
import type { TimeRange } from '../../common/time-range';
import { int64, sql, type Sql } from '../../platform/clickhouse/sql';
import {
  eventSource,
  FIRST_LOOK_MS,
  namedSessions,
  SESSION_GAP_MS,
  STORABLE,
  within,
  type SessionScan,
} from './source';

/** Runs a query: the seam's `rows`. */
export type RunQuery = <T>(query: Sql) => Promise<T[]>;

/** Each further look goes so many times as far. */
const WIDEN = 4;

/** Finds the scan that holds every session of the range whole. Most ranges need one look of a day to each side.
 *  @throws what `run` throws */
export async function findSessionScan(run: RunQuery, project: number, range: TimeRange): Promise<SessionScan> {
  const [chains, named] = await Promise.all([findChains(run, project, range), findNamed(run, project, range)]);
  return named === undefined ? { chains } : { chains, named };
}

async function findChains(run: RunQuery, project: number, range: TimeRange): Promise<TimeRange> {
  let before = FIRST_LOOK_MS;
  let after = FIRST_LOOK_MS;
  for (;;) {
    const chains = { from: range.from - before, to: range.to + after };
    const [cut] = await run<{ before: number; after: number }>(cutChains(project, range, chains));
    const back = cut?.before === 1 && chains.from > STORABLE.from;
    const ahead = cut?.after === 1 && chains.to < STORABLE.to;
    if (!back && !ahead) return chains;
    if (back) before *= WIDEN;
    if (ahead) after *= WIDEN;
  }
}

async function findNamed(run: RunQuery, project: number, range: TimeRange): Promise<TimeRange | undefined> {
  const any = await run(sql`SELECT 1 AS found FROM (${namedSessions(project, range)}) LIMIT 1`);
  if (any.length === 0) return undefined;
  const [extent] = await run<TimeRange>(namedExtent(project, range));
  return extent;
}

/** From the first to the last event of the sessions with an id that have one in the range: one row { from, to }, exclusive. */
export const namedExtent = (project: number, range: TimeRange): Sql => sql`
  SELECT toUnixTimestamp64Milli(min(ts)) AS from, toUnixTimestamp64Milli(max(ts)) + 1 AS to
  FROM events
  WHERE ${within(project, STORABLE)} AND session_id IN (${namedSessions(project, range)})`;

/** Whether a session may go on beyond the edges of a scan: one row { before, after } of 0 or 1.
 *  It may where a visitor has no silence between the edge and the range. */
export const cutChains = (project: number, range: TimeRange, scan: TimeRange): Sql => {
  const zone = (from: number, to: number): Sql => sql`
    SELECT count() > 0 FROM (
      SELECT arraySort(groupArray(toUnixTimestamp64Milli(ts))) AS times
      FROM ${eventSource({ project, range: { from, to } }, { identity: true, sessions: false })}
      WHERE session_id = 0
      GROUP BY identity
      HAVING arrayMax(arrayDifference(arrayConcat([${int64(from)}], times, [${int64(to)}]))) <= ${int64(SESSION_GAP_MS)})`;
  return sql`SELECT (${zone(scan.from, range.from)}) AS before, (${zone(range.to, scan.to)}) AS after`;
};
