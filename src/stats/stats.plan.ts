// What must be read to answer a question? Only what its metrics, groupings and filter need.
import { bothNeed, findDimension, PLAIN, type Needs, needsOfFilter } from '../events/query';
import { metricOf, type Side } from './metrics';
import type { Grouping, StatsQuery } from './stats.types';

/** How a question is answered. */
export interface StatsPlan {
  readonly needs: Needs;
  /** What is counted: rows appear where one of these counts something. */
  readonly sides: readonly Side[];
}

const needsOfGrouping = (grouping: Grouping): Needs =>
  grouping.kind === 'time' ? PLAIN : (findDimension(grouping.dimension)?.needs ?? PLAIN);

/** The least that answers a question. */
export const planOf = (query: StatsQuery): StatsPlan => {
  const metrics = query.metrics.map(metricOf);
  return {
    needs: [
      ...metrics.map((metric) => metric.needs),
      ...query.groupings.map(needsOfGrouping),
      needsOfFilter(query.filter),
    ].reduce(bothNeed, PLAIN),
    sides: (['events', 'sessions'] as const).filter((side) => metrics.some((metric) => metric.side === side)),
  };
};
