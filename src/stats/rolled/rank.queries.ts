// Which values come first, about? By figures that cost little, before visitor states are read of any.
import { ident, sql, uint32, type Sql } from '../../platform/clickhouse/sql';
import { column } from '../stats.queries';
import type { StatsQuery } from '../stats.types';
import { byMonth } from './pieces';
import { counted, type RolledSources, sources } from './rolled.queries';

/** A figure that values are compared by: a metric itself, or `upper`, which is no less than visitors. */
export type RankedBy = 'upper' | 'begun' | 'views' | 'hits';

/** Values in the order of the figure: rows { value, rank, stated }; `stated`: months have its states. */
export const rankedValues = (query: StatsQuery, from: RolledSources, by: RankedBy, limit: number): Sql => {
  const inMonths = { ...from, pieces: { ...from.pieces, whole: byMonth(from.pieces) } };
  return sql`
    SELECT ${column('g', from.asked.byValue)} AS value, sum(${ident(by)}) AS rank, max(beyond) = 0 AS stated
    FROM (${sources(query, inMonths, 12, { beyond: true })})
    WHERE beyond != 1
    GROUP BY value
    HAVING ${counted(query)}
    ORDER BY rank DESC, value
    LIMIT ${uint32(limit)}`;
};
