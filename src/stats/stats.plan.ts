// What must be read to answer a question? Only what its metrics, groupings and filter need.
import { bothNeed, findDimension, PLAIN, type Needs, needsOfFilter } from '../events/query';
import { metricOf, type Side } from './metrics';
import { goalsOf } from './stats.goals';
import type { Grouping, StatsQuery } from './stats.types';

/** How a question is answered. */
export interface StatsPlan {
  readonly needs: Needs;
  /** What is counted: rows appear where one of these counts something. */
  readonly sides: readonly Side[];
  /** Out of whom conversion rates are: the visitors of the selected events, or of more than those; undefined: there is no rate. */
  readonly outOf?: 'selected' | 'more';
}

const needsOfGrouping = (grouping: Grouping): Needs =>
  grouping.kind === 'value' ? (findDimension(grouping.dimension)?.needs ?? PLAIN) : PLAIN;

/** The least that answers a question. */
export const planOf = (query: StatsQuery): StatsPlan => {
  const metrics = query.metrics.map(metricOf);
  const byGoal = query.groupings.some(({ kind }) => kind === 'goal');
  const isRate = metrics.some((metric) => metric.isRate === true);
  return {
    needs: [
      ...metrics.map((metric) => metric.needs),
      ...query.groupings.map(needsOfGrouping),
      needsOfFilter(query.filter),
      needsOfFilter(query.outOf?.filter),
      ...(goalsOf(query) ?? []).map(({ filter }) => needsOfFilter(filter)),
    ].reduce(bothNeed, PLAIN),
    sides: (['events', 'sessions'] as const).filter((side) => metrics.some((metric) => metric.side === side)),
    ...(isRate ? { outOf: byGoal || query.outOf !== undefined ? ('more' as const) : ('selected' as const) } : {}),
  };
};
