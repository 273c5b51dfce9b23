// How do the rows of a month's cells become rows of the month? What adds them up, and what holds them against the cells. Pure.
import type { TimeRange } from '../../common/time-range';
import { Bound, float64, instant, sql, type Sql, texts, uint32 } from '../../platform/clickhouse/sql';
import { differences } from '../rollup.queries';

/** How many values of a dimension a month keeps. Their states are what its rows cost. */
export interface MonthSizes {
  /** Of a dimension with so many values at most, all. */
  readonly whole: number;
  /** Of one with more, those with the most visitors: lists of first values are made of them. All others are counted without their states, to know
   *  that they are not among the first. */
  readonly first: number;
  /** So many times fewer rows than its cells have make that worth it. */
  readonly fewer: number;
}

export const MONTH_SIZES: MonthSizes = { whole: 100, first: 25, fewer: 4 };

/** Cells whose rows are to be added up. */
export interface CellsOfMonth {
  /** The project's number in the warehouse. */
  readonly project: number;
  /** From the beginning of the first to the end of the last. */
  readonly range: TimeRange;
  /** Their versions. */
  readonly cells: readonly number[];
}

const versionOf = (version: number): Bound => new Bound('UInt64', String(version));
const ofCells = ({ project, range, cells }: CellsOfMonth): Sql => sql`
  project_id = ${uint32(project)} AND version IN ${new Bound('Array(UInt64)', cells)}
  AND start >= toDateTime(${instant(range.from)}) AND start < toDateTime(${instant(range.to)})`;
const ofMonth = ({ project, range }: CellsOfMonth, version: number): Sql => sql`
  project_id = ${uint32(project)} AND version = ${versionOf(version)} AND start = toDateTime(${instant(range.from)})`;

/** Dimensions that a month has rows of. */
export interface KeptOfMonth {
  /** All values, with states. */
  readonly whole: readonly string[];
  /** Figures of all values that cells keep one by one; states of the first. */
  readonly counted: readonly string[];
  /** How many those are. */
  readonly first: number;
}

/** Dimensions that the cells have values of: rows { dimension, kept }; `kept`: how a month keeps them, whole, counted or no. */
export const dimensionsOf = (month: CellsOfMonth, { whole, fewer }: MonthSizes): Sql => sql`
  SELECT dimension, multiIf(uniqExact(value) <= ${uint32(whole)} AND max(other) = 0, 'whole',
    uniqExactIf(value, other = 0) * ${float64(fewer)} <= countIf(other = 0), 'counted', 'no') AS kept
  FROM rollup_values
  WHERE ${ofCells(month)}
  GROUP BY dimension`;

const FIGURES = sql`sum(cell.events) AS events, sum(cell.pageviews) AS pageviews, sumMap(cell.revenue) AS revenue, sum(cell.sessions) AS sessions,
    sum(cell.session_pageviews) AS session_pageviews, sum(cell.bounces) AS bounces, sum(cell.session_ms) AS session_ms`;

/** The totals, with their states. */
const totals = (month: CellsOfMonth): Sql => sql`
  SELECT ${FIGURES}, uniqCombinedMergeState(12)(cell.visitors) AS visitors, uniqCombinedMergeState(14)(cell.visitors_fine) AS visitors_fine
  FROM rollup_totals AS cell
  WHERE ${ofCells(month)} AND grain = 'c'`;

/** Figures by dimension and value, with how many visitors they have and the state that says it. `other` is 2 where a state is left to the cells. */
const values = (month: CellsOfMonth, { whole, counted, first }: KeptOfMonth): Sql => sql`
  SELECT * EXCEPT (all_visitors, is_first), if(is_first, all_visitors, arrayReduce('uniqCombinedState(12)', emptyArrayUInt64())) AS visitors,
    if(is_first, 0, 2) AS other
  FROM (
    SELECT *, dimension IN ${texts(whole)} OR row_number() OVER (PARTITION BY dimension ORDER BY visitor_count DESC, value) <= ${uint32(first)} AS is_first
    FROM (
      SELECT dimension, value, ${FIGURES}, uniqCombinedMerge(12)(cell.visitors) AS visitor_count, uniqCombinedMergeState(12)(cell.visitors) AS all_visitors
      FROM rollup_values AS cell
      WHERE ${ofCells(month)} AND dimension IN ${texts([...whole, ...counted])} AND other = 0
      GROUP BY dimension, value))`;

/** Stores a month's totals under its version. */
export const storeTotals = (month: CellsOfMonth, version: number): Sql => sql`
  INSERT INTO rollup_totals (project_id, version, grain, start, events, pageviews, revenue, sessions, session_pageviews, bounces, session_ms, visitors, visitors_fine)
  SELECT ${uint32(month.project)}, ${versionOf(version)}, 'm', toDateTime(${instant(month.range.from)}), * FROM (${totals(month)})`;

/** Stores a month's figures by value under its version. */
export const storeValues = (month: CellsOfMonth, version: number, kept: KeptOfMonth): Sql => sql`
  INSERT INTO rollup_values (project_id, version, start, dimension, value, events, pageviews, revenue, sessions, session_pageviews, bounces, session_ms, visitor_count, visitors, other)
  SELECT ${uint32(month.project)}, ${versionOf(version)}, toDateTime(${instant(month.range.from)}), * FROM (${values(month, kept)})`;

/** Where a month's totals are not those of its cells: rows { what }. */
export const monthTotalDifferences = (month: CellsOfMonth, version: number): Sql =>
  differences(
    sql`'the month'`,
    sql`, finalizeAggregation(visitors_fine)`,
    sql`(SELECT * FROM rollup_totals WHERE ${ofMonth(month, version)} AND grain = 'm')`,
    totals(month),
  );

/** The same for figures by value. */
export const monthValueDifferences = (month: CellsOfMonth, version: number, kept: KeptOfMonth): Sql =>
  differences(
    sql`concat('the month by ', toString(dimension), '=', value)`,
    sql`, visitor_count, other`,
    sql`(SELECT * FROM rollup_values WHERE ${ofMonth(month, version)})`,
    values(month, kept),
  );
