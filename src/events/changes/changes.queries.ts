// Where in the events is what changed? For what can't be said while it is stored: links of visitors, and what a process left behind that died.
import { DAY_MS, HOUR_MS, QUARTER_MS } from '../../common/time-range';
import { Bound, instant, int64, sql, type Sql, uint32 } from '../../platform/clickhouse/sql';
import { sessionGap, STORABLE, within } from '../query';
import { FINE_MS } from './cells';

/** Days for what is long before `closing`, quarter hours else; see `cellOf`. */
const stepOf = (closing: number): Sql =>
  sql`if(ts < ${instant(Math.max(closing - FINE_MS, 0))}, ${int64(DAY_MS)}, ${int64(QUARTER_MS)})`;

/** Stretches with events that arrived in a time: rows { project, from, to }, milliseconds.
 *  @param now about the closings of the projects */
export const arrivedCells = (received: { from: number; to: number }, now: number): Sql => sql`
  SELECT project_id AS project, intDiv(toUnixTimestamp64Milli(ts), step) * step AS from, from + step AS to
  FROM (
    SELECT project_id, ts, ${stepOf(now)} AS step
    FROM events
    WHERE received_at >= ${instant(received.from)} AND received_at < ${instant(received.to)})
  GROUP BY project, from, to`;

/** Visitors whose links began in a time: rows { project, visitor }, the visitor as decimal text. */
export const newlyLinked = (since: number): Sql => sql`
  SELECT DISTINCT project_id AS project, toString(visitor_id) AS visitor
  FROM visitor_links
  WHERE first_at >= ${instant(since)}`;

/** Hashes given as decimal text.
 *  TRICKY: a list of texts would be quoted, which is no UInt64; a list of numbers would lose their last digits. */
export const decimals = (values: readonly string[]): Bound => new Bound('Array(UInt64)', `[${values.join(',')}]`);

/** Stretches before `closing` in which events belong to another visitor than before: rows { from, to }, milliseconds. They are the
 *  events without a user of their own. Where a visitor was linked to another user before, that user's sessions may fall apart: see
 *  `cellsAroundGone`.
 *  @param visitors as decimal text; undefined: all that have links */
export const movedCells = (project: number, closing: number, visitors: readonly string[] | undefined): Sql => {
  const links = (having = sql``): Sql =>
    sql`SELECT visitor_id FROM visitor_links WHERE project_id = ${uint32(project)} GROUP BY visitor_id ${having}`;
  return sql`
  SELECT
    intDiv(greatest(at - reach, 0), step) * step AS from,
    (intDiv(at + reach, step) + 1) * step AS to
  FROM (
    SELECT
      toUnixTimestamp64Milli(ts) AS at,
      ${stepOf(closing)} AS step,
      multiIf(
        visitor_id NOT IN (${links(sql`HAVING uniqExact(user_id) > 1`)}), 0,
        ${sessionGap}) AS reach
    FROM events
    WHERE ${within(project, { from: STORABLE.from, to: closing })} AND user_id = 0
      AND visitor_id IN ${visitors === undefined ? sql`(${links()})` : decimals(visitors)})
  GROUP BY from, to`;
};

/** How far back a process that starts looks for what another left behind. */
export const SWEEP_MS = HOUR_MS;
