// Which values come first, about? By figures that cost little, before visitor states are read of any.
import { DAY_MS, hull } from '../../common/time-range';
import { ident, int64, join, sql, text, uint32, type Sql } from '../../platform/clickhouse/sql';
import { column } from '../stats.queries';
import type { StatsQuery } from '../stats.types';
import { begunIn, counted, rawSums, type RolledSources, sources, versions } from './rolled.queries';

/** A figure that values are compared by: a metric itself, or `upper`, which is no less than visitors. */
export type RankedBy = 'upper' | 'begun' | 'views' | 'hits';
const COLUMNS = { upper: 'visitor_count', begun: 'sessions', views: 'pageviews', hits: 'events' } as const;

/** Dimensions that may have thousands of values. Of a few, all have to be read. */
const MANY = new Set(['page', 'entryPage', 'exitPage', 'city']);

/** When it pays to look at frequent values alone. */
export interface Ranking {
  /** From so many cells on. */
  readonly fewestCells: number;
  /** They must make up so much of the years that they lie in: the rows of a year are read in the order of values, whatever the range. */
  readonly covered: number;
  /** A row is worth reading with one in so many events of its cell, for each row that is asked for. */
  readonly share: number;
}

/** Measured on 3,000 pages of 100 million events: the first ten of a year take half the work to find, as 90 are left of them. */
export const RANKING: Ranking = { fewestCells: 100, covered: 0.45, share: 64 };

/** Values in the order of the figure: rows { value, rank }. */
export const rankedValues = (query: StatsQuery, from: RolledSources, by: RankedBy, limit: number): Sql => sql`
    SELECT ${column('g', from.asked.byValue)} AS value, sum(${ident(by)}) AS rank
    FROM (${sources(query, from, 12)})
    GROUP BY value
    HAVING ${counted(query)}
    ORDER BY rank DESC, value
    LIMIT ${uint32(limit)}`;

/** The least figure of a derived row that is worth reading to find the first values of all; undefined: every row is read. */
export const leastOf = (
  { search, after, limit = 0 }: StatsQuery,
  { asked, pieces: { whole } }: RolledSources,
  { fewestCells, covered, share }: Ranking,
): number | undefined => {
  // A list, a search and a later page are about values that may be rare.
  if (!MANY.has(asked.dimension ?? '')) return undefined;
  if (asked.values !== undefined || search !== undefined || after !== undefined) return undefined;
  if (whole.length < fewestCells || shareOfYears(whole) < covered) return undefined;
  const events = whole.reduce((sum, cell) => sum + cell.events, 0);
  const least = Math.floor(events / (whole.length * share * limit));
  return least > 1 ? least : undefined;
};

/** The most that a value can have of which no row was read. */
export const missedBy = ({ pieces: { whole } }: RolledSources, least: number): number => whole.length * (least - 1);

/** Values of which some row has `least` or more, in the order of what they can have at most: rows { value, rank }. */
export const rankedFrequent = (
  query: StatsQuery,
  from: RolledSources,
  by: RankedBy,
  limit: number,
  least: number,
): Sql => {
  const { asked, pieces } = from;
  const name = ident(COLUMNS[by]);
  const value = column('g', asked.byValue);
  // In the order of values a frequent one's rows lie together: most granules hold none, and of those only the figure is read.
  // TRICKY: the engine would take the order of cells if it saw a condition of its key, the version. There every granule holds some.
  const frequent = sql`
    SELECT value AS ${value}, toInt64(${name}) - ${int64(least - 1)} AS figure
    FROM rollup_values
    PREWHERE ${name} >= ${uint32(least)}
    WHERE project_id = ${uint32(query.project)} AND dimension = ${text(asked.dimension ?? '')}
      AND bitXor(version, 0) IN ${versions(pieces.whole)} AND ${begunIn(pieces.whole)} AND other = 0`;
  const raw = rawSums(query, from, 12).map((sums) => sql`SELECT ${value}, ${ident(by)} AS figure FROM (${sums})`);
  return sql`
    SELECT ${value} AS value, sum(figure) + ${int64(missedBy(from, least))} AS rank
    FROM (${join([frequent, ...raw], ' UNION ALL ')})
    GROUP BY value
    ORDER BY rank DESC, value
    LIMIT ${uint32(limit)}`;
};

/** How much of the years that they touch cells make up, about. */
const shareOfYears = (cells: RolledSources['pieces']['whole']): number => {
  const { from, to } = hull(cells);
  const years = new Date(to - 1).getUTCFullYear() - new Date(from).getUTCFullYear() + 1;
  return cells.reduce((sum, cell) => sum + cell.to - cell.from, 0) / (years * 365 * DAY_MS);
};
