// How far must a read go around a range, so that no session is cut? As far as the sessions that touch it, found by looking.
import type { TimeRange } from '../../common/time-range';
import { Bound, int64, join, sql, uint32, type Sql } from '../../platform/clickhouse/sql';
import type { Sample } from './sample';
import {
  FIRST_LOOK_MS,
  NAMED_GAP_MS,
  NAMED_LOOK_MS,
  relatedVisitors,
  sessionEvents,
  sessionGap,
  STORABLE,
  visitorList,
  within,
  type Related,
  type SessionScan,
} from './source';

/** Runs a query: the seam's `rows`. */
export type RunQuery = <T>(query: Sql) => Promise<T[]>;

/** Of a sample a wider look costs little, and hardly ever a session goes on beyond it: to follow that one takes as long as the look. */
const SAMPLE_LOOK_MS = 3 * FIRST_LOOK_MS;
/** Each further look goes so many times as far. */
const WIDEN = 6;
/** More visitors than this whose sessions go on are not listed: the look is widened for all. */
const LISTED = 3_000;

/** A side of a range, from where the look ends to where the range begins, or the other way round. */
type Side = 'before' | 'after';
const SIDES: readonly Side[] = ['before', 'after'];

interface Reach {
  readonly before: number;
  readonly after: number;
}

const both = (look: number): Reach => ({ before: look, after: look });

interface Uncut {
  visitors: string[];
  identities: string[];
}

/** Finds the scan that holds every session of the range whole. Most ranges need one look of two hours to each side; the few
 *  visitors who never rest are followed by themselves.
 *  @param sample the only visitors that the scan is for
 *  @throws what `run` throws */
export async function findSessionScan(
  run: RunQuery,
  project: number,
  range: TimeRange,
  sample?: Sample,
): Promise<SessionScan> {
  const isShort = range.to - range.from < 2 * FIRST_LOOK_MS;
  const finding = isShort ? findNear(run, project, range, sample) : Promise.resolve(undefined);
  const look = async (reach: Reach): Promise<Record<Side, Uncut>> =>
    findUncut(run, project, range, around(range, reach), await finding, sample);
  const first = both(sample === undefined ? FIRST_LOOK_MS : SAMPLE_LOOK_MS);
  // Few projects name their sessions: the look of all others need not wait until that is known.
  const [[named], related, looked] = await Promise.all([
    run<{ found: number }>(hasNamed(project, range.from, range.to)),
    finding,
    look(first),
  ]);
  const scan = related === undefined ? {} : { related };
  let reach = named?.found === 1 ? both(NAMED_LOOK_MS) : first;
  let uncut = reach === first ? looked : await look(reach);
  for (;;) {
    const near = around(range, reach);
    const visitors = [...new Set([...uncut.before.visitors, ...uncut.after.visitors])];
    if (visitors.length === 0) return { near, ...scan };
    if (visitors.length <= LISTED)
      return {
        near,
        ...scan,
        far: await findFar(run, project, range, reach, await wholeOf(run, project, uncut), sample),
      };
    reach = wider(reach, uncut);
    uncut = await look(reach);
  }
}

/** A project of no more events than this is read whole: looking how far to read would cost more than reading it. */
const SMALL = 5_000;

/** Whether a project has so few events that all of them may be read. @throws what `run` throws */
export async function isSmall(run: RunQuery, project: number): Promise<boolean> {
  const [row] = await run<{ few: number }>(fewEvents(project));
  return row?.few === 1;
}

/** Whether a project has no more than SMALL events: one row { few } of 0 or 1. */
export const fewEvents = (project: number): Sql => sql`
SELECT count() <= ${uint32(SMALL)} AS few
FROM (SELECT 1 FROM events WHERE project_id = ${uint32(project)} LIMIT ${uint32(SMALL + 1)})`;

/** Who is to be read beside a short range. Of many visitors of a sample, all. @throws what `run` throws */
async function findNear(
  run: RunQuery,
  project: number,
  range: TimeRange,
  sample?: Sample,
): Promise<Related | undefined> {
  const listed = await findRelated(run, project, range);
  return listed ?? (sample === undefined ? { seenIn: range } : undefined);
}

/** Who is to be read beside a short range, as a list; undefined where that is too many to list. @throws what `run` throws */
export async function findRelated(
  run: RunQuery,
  project: number,
  range: TimeRange,
  most = LISTED,
  also?: TimeRange,
): Promise<string[] | undefined> {
  const rows = await run<{ visitor: string }>(relatedVisitors(project, range, most + 1, also));
  return rows.length > most ? undefined : rows.map(({ visitor }) => visitor);
}

/** Follows some visitors until each of their sessions has ended on both sides. */
async function findFar(
  run: RunQuery,
  project: number,
  range: TimeRange,
  from: Reach,
  visitors: readonly string[],
  sample?: Sample,
): Promise<NonNullable<SessionScan['far']>> {
  let reach: Reach = { before: from.before * WIDEN, after: from.after * WIDEN };
  for (;;) {
    const far = around(range, reach);
    const uncut = await findUncut(run, project, range, far, visitors, sample);
    const back = uncut.before.visitors.length > 0 && far.from > STORABLE.from;
    const ahead = uncut.after.visitors.length > 0 && far.to < STORABLE.to;
    if (!back && !ahead) return { range: far, visitors };
    reach = wider(reach, uncut);
  }
}

const around = (range: TimeRange, { before, after }: Reach): TimeRange => ({
  from: range.from - before,
  to: range.to + after,
});

const wider = (reach: Reach, uncut: Record<Side, Uncut>): Reach => ({
  before: uncut.before.visitors.length > 0 ? reach.before * WIDEN : reach.before,
  after: uncut.after.visitors.length > 0 ? reach.after * WIDEN : reach.after,
});

async function findUncut(
  run: RunQuery,
  project: number,
  range: TimeRange,
  scan: TimeRange,
  related?: Related,
  sample?: Sample,
): Promise<Record<Side, Uncut>> {
  const rows = await run<Uncut & { side: Side }>(uncutSessions(project, range, scan, related, sample));
  const side = (name: Side): Uncut => rows.find((row) => row.side === name) ?? { visitors: [], identities: [] };
  return { before: side('before'), after: side('after') };
}

/** Every visitor of these identities. */
async function wholeOf(run: RunQuery, project: number, { before, after }: Record<Side, Uncut>): Promise<string[]> {
  const identities = [...new Set([...before.identities, ...after.identities])];
  const linked = await run<{ visitor: string }>(sql`
    SELECT DISTINCT toString(visitor_id) AS visitor FROM visitor_links
    WHERE project_id = ${uint32(project)} AND user_id IN ${visitorList(identities)}`);
  return [...new Set([...before.visitors, ...after.visitors, ...identities, ...linked.map(({ visitor }) => visitor)])];
}

/** Whether sessions with an id may cross one of these moments: one row { found } of 0 or 1. */
export const hasNamed = (project: number, ...moments: readonly number[]): Sql => {
  const edge = (at: number): Sql => sql`
    SELECT 1 FROM events
    WHERE ${within(project, { from: at - NAMED_GAP_MS, to: at + NAMED_GAP_MS })} AND session_id != 0 LIMIT 1`;
  return sql`SELECT count() > 0 AS found FROM (${join(moments.map(edge), ' UNION ALL ')})`;
};

/** Sessions that may go on beyond the edges of a scan, as the edge is no further than a session's gap from an event, and so is each
 *  event from the next up to the range: rows { side, visitors, identities }.
 *  @param related the only visitors to look at; undefined: all */
export const uncutSessions = (
  project: number,
  range: TimeRange,
  scan: TimeRange,
  related?: Related,
  sample?: Sample,
): Sql => {
  const zones: Record<Side, TimeRange> = {
    before: { from: scan.from, to: range.from },
    after: { from: range.to, to: scan.to },
  };
  const zone = (side: Side): Sql => {
    const near = zones[side];
    const { from, to } = near;
    return sql`
    SELECT ${new Bound('String', side)} AS side, groupUniqArrayArray(visitors) AS visitors, groupUniqArray(toString(identity)) AS identities
    FROM (
      SELECT identity, groupUniqArray(toString(visitor_id)) AS visitors, arraySort(groupArray(toUnixTimestamp64Milli(ts))) AS times
      FROM ${sessionEvents({
        project,
        range: near,
        sessions: { near, ...(related === undefined ? {} : { related }) },
        ...(sample === undefined ? {} : { sample }),
      })}
      GROUP BY identity, session_id
      HAVING arrayMax(arrayDifference(arrayConcat([${int64(from)}], times, [${int64(to)}]))) <= ${sessionGap})`;
  };
  return sql`${zone(SIDES[0] as Side)} UNION ALL ${zone(SIDES[1] as Side)}`;
};
