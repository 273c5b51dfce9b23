// How many visitors were there in the 24 hours from each quarter hour on? The statement that counts them, of the states that two cells have. Pure.
import { DAY_MS, QUARTER_MS, SECOND_MS, type TimeRange } from '../../common/time-range';
import { Bound, instant, sql, type Sql, uint32 } from '../../platform/clickhouse/sql';

/** A cell and the one that begins where it ends, under versions whose rows never change. */
export interface CellPair {
  /** The project's number in the warehouse. */
  readonly project: number;
  readonly cell: TimeRange & { readonly version: number };
  readonly next: { readonly to: number; readonly version: number };
}

/** From when on visitors are counted: the quarter hours of a cell whose 24 hours end with the next one. */
export const rollingStarts = ({ cell, next }: CellPair): number[] => {
  // Quarters are the smallest rows there are. A zone of long ago begins its days between two.
  if (cell.from % QUARTER_MS !== 0) return [];
  const end = Math.min(cell.to, next.to - DAY_MS + QUARTER_MS);
  return Array.from(
    { length: Math.max(0, Math.ceil((end - cell.from) / QUARTER_MS)) },
    (_, at) => cell.from + at * QUARTER_MS,
  );
};

/** Visitors of the 24 hours from each of these moments on, about: rows { at, found }, none where there are none; `at` in seconds. */
export const rollingVisitors = (pair: CellPair, starts: readonly number[]): Sql => {
  const { project, cell, next } = pair;
  const seconds = (of: readonly number[]): number[] => of.map((at) => at / SECOND_MS);
  // A quarter hour is in 96 stretches: those that begin with it and in the day before.
  return sql`
  SELECT at, uniqCombinedMerge(12)(visitors) AS found
  FROM rollup_totals
  ARRAY JOIN arrayFilter(from -> from <= toUnixTimestamp(start) AND toUnixTimestamp(start) < from + ${uint32(DAY_MS / SECOND_MS)},
    ${new Bound('Array(UInt32)', seconds(starts))}) AS at
  WHERE project_id = ${uint32(project)} AND grain IN ('q', 'e') AND version IN ${new Bound('Array(UInt64)', [cell.version, next.version])}
    AND start >= toDateTime(${instant(cell.from)}) AND start < toDateTime(${instant(next.to)})
  GROUP BY at`;
};
