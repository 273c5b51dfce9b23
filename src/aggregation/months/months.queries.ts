// How do the rows of a month's cells become rows of the month? What adds them up, and what holds them against the cells. Pure.
import type { TimeRange } from '../../common/time-range';
import { Bound, instant, nothing, sql, type Sql, texts, uint32 } from '../../platform/clickhouse/sql';
import { differences } from '../rollup.queries';

/** Values of one dimension that a month keeps; of a dimension with more it keeps none. Their states are what a month's rows cost. */
export const MAX_MONTH_VALUES = 100;

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

/** Dimensions that the cells have values of: rows { dimension, kept }; `kept`: a month keeps them. */
export const dimensionsOf = (month: CellsOfMonth): Sql => sql`
  SELECT dimension, uniqExact(value) <= ${uint32(MAX_MONTH_VALUES)} AND max(other) = 0 AS kept
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

/** Figures by dimension and value, with how many visitors they have and the state that says it. */
const values = (month: CellsOfMonth, dimensions: readonly string[]): Sql => sql`
  SELECT dimension, value, ${FIGURES}, uniqCombinedMerge(12)(cell.visitors) AS visitor_count, uniqCombinedMergeState(12)(cell.visitors) AS visitors
  FROM rollup_values AS cell
  WHERE ${ofCells(month)} AND dimension IN ${texts(dimensions)}
  GROUP BY dimension, value`;

/** Stores a month's totals under its version. */
export const storeTotals = (month: CellsOfMonth, version: number): Sql => sql`
  INSERT INTO rollup_totals (project_id, version, grain, start, events, pageviews, revenue, sessions, session_pageviews, bounces, session_ms, visitors, visitors_fine)
  SELECT ${uint32(month.project)}, ${versionOf(version)}, 'm', toDateTime(${instant(month.range.from)}), * FROM (${totals(month)})`;

/** Stores a month's figures by value under its version. */
export const storeValues = (month: CellsOfMonth, version: number, dimensions: readonly string[]): Sql => sql`
  INSERT INTO rollup_values (project_id, version, start, other, dimension, value, events, pageviews, revenue, sessions, session_pageviews, bounces, session_ms, visitor_count, visitors)
  SELECT ${uint32(month.project)}, ${versionOf(version)}, toDateTime(${instant(month.range.from)}), 0, * FROM (${values(month, dimensions)})`;

/** Where a month's totals are not those of its cells: rows { what }. */
export const monthTotalDifferences = (month: CellsOfMonth, version: number): Sql =>
  differences(
    sql`'the month'`,
    sql`, finalizeAggregation(visitors_fine)`,
    sql`(SELECT * FROM rollup_totals WHERE ${ofMonth(month, version)} AND grain = 'm')`,
    totals(month),
  );

/** The same for figures by value. @param dimensions those that the month keeps */
export const monthValueDifferences = (month: CellsOfMonth, version: number, dimensions: readonly string[]): Sql =>
  differences(
    sql`concat('the month by ', toString(dimension), '=', value)`,
    nothing,
    sql`(SELECT * FROM rollup_values WHERE ${ofMonth(month, version)})`,
    values(month, dimensions),
  );
