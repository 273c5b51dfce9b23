// Where do goals come into a question? In its filter, its groupings and its figures, as filters that were looked up just now. Pure.
import { allOf, type Filter, GOAL } from '../events/query';
import { type GoalTarget, namesGoals, resolveGoals } from '../goals';
import { metricOf } from './metrics';
import type { Grouping, StatsQuery } from './stats.types';

/** What of a question may be about goals. */
export interface Wanted {
  readonly metrics: readonly string[];
  readonly groupings: readonly Grouping[];
  readonly filter?: Filter | undefined;
}

/** Whether rows are grouped by goal. */
export const isByGoal = (groupings: readonly Grouping[]): boolean => groupings.some(({ kind }) => kind === 'goal');

/** Whether a question can't be put without the project's goals. */
export const wantsGoals = ({ metrics, groupings, filter }: Wanted): boolean =>
  isByGoal(groupings) || namesGoals(filter) || metrics.some((name) => metricOf(name).ofGoals === true);

/** The parts of a question that goals settle.
 *  @param goals all of the project's; none where the question does not want them
 *  @throws invalidInput for goals that the project does not have, and where all goals together are too much to look for */
export const settleGoals = (
  { metrics, groupings, filter }: Wanted,
  goals: readonly GoalTarget[],
): { [K in 'groupings' | 'filter' | 'goals' | 'outOf']: StatsQuery[K] | undefined } & Pick<StatsQuery, 'groupings'> => {
  const byGoal = isByGoal(groupings);
  const ofGoals = metrics.some((name) => metricOf(name).ofGoals === true);
  const looksForAll: Filter = { kind: 'test', op: 'exists', dimension: GOAL, values: [] };
  if (byGoal || ofGoals) resolveGoals(looksForAll, goals, byGoal ? 'dimensions' : 'metrics');
  const isRate = metrics.some((name) => metricOf(name).isRate === true);
  const regardless = isRate ? withoutGoals(filter) : filter;
  return {
    groupings: groupings.map((grouping) => (grouping.kind === 'goal' ? { ...grouping, goals } : grouping)),
    filter: resolveGoals(filter, goals),
    goals: ofGoals && !byGoal ? goals : undefined,
    outOf: regardless === filter ? undefined : outOf(resolveGoals(regardless, goals)),
  };
};

/** A filter as that of those whom a rate is out of. */
export const outOf = (filter: Filter | undefined): StatsQuery['outOf'] => (filter === undefined ? {} : { filter });

/** A filter without the tests of goals that stand at its top: it alone, or parts of an `and` there. The same filter where there is none. */
const withoutGoals = (filter: Filter | undefined): Filter | undefined => {
  if (filter?.kind === 'test') return filter.dimension === GOAL ? undefined : filter;
  if (filter?.kind !== 'and') return filter;
  const rest = filter.filters.map(withoutGoals);
  return rest.every((part, at) => part === filter.filters[at]) ? filter : allOf(...rest);
};

/** The goals that a question looks for; undefined: it does not look for goals. */
export const goalsOf = ({ metrics, groupings, goals = [] }: StatsQuery): readonly GoalTarget[] | undefined => {
  const grouping = groupings.find(({ kind }) => kind === 'goal');
  if (grouping?.kind === 'goal') return grouping.goals;
  return metrics.some((name) => metricOf(name).ofGoals === true) ? goals : undefined;
};
