// What does a funnel look for? From what was written down, and the goals as they are now, to a shape as data. Pure.
import { SECOND_MS } from '../common/time-range';
import { allOf, type Filter, parseFilter, targetFilter } from '../events/query';
import { canBeInAnyOrder, MOST_ALIKE } from './answer/any-order';
import { findGoal, type GoalTarget, resolveGoals } from '../goals';
import type { FunnelDefinition, TargetWish } from './funnel.definition';
import type { FunnelExclusion, FunnelShape, FunnelStep } from './funnel.types';
import { badField } from './funnels.errors';

/** Most that the filters of a funnel come to, goals counted as what they are: the warehouse takes statements of so much text and no more. */
export const MAX_FILTER_WEIGHT = 600;

/** What a step or an exclusion looks for, and what it is called where it has no name of its own. */
interface Found {
  readonly name: string;
  readonly target: Filter;
}

/** The shape of a funnel.
 *  @param goals those of the project
 *  @throws invalidInput naming the place, as `steps.1.goal` */
export const shapeOf = (definition: FunnelDefinition, goals: readonly GoalTarget[]): FunnelShape => {
  const { mode, window, countBy, holdConstant } = definition;
  const steps = stepsOf(definition, goals);
  const exclusions = exclusionsOf(definition, goals);
  if (mode === 'any' && !canBeInAnyOrder(steps))
    throw badField(
      'steps',
      'too_many_alike',
      `must not hold more than ${MOST_ALIKE} different steps that may be the same event: with mode any each is tried for every step`,
    );
  if ([...steps, ...exclusions].reduce((sum, { target }) => sum + weightOf(target), 0) > MAX_FILTER_WEIGHT)
    throw badField(
      'steps',
      'too_many_filters',
      `must not come to more than ${MAX_FILTER_WEIGHT} filters together with exclusions, patterns and those of goals counted`,
    );
  return {
    steps,
    mode,
    windowMs: window * SECOND_MS,
    countBy,
    exclusions,
    holdConstant: holdConstant.map((key) => `property:${key}`),
  };
};

/** The same funnel with its goals named by id, so that it goes on meaning them when they get other names.
 *  @throws invalidInput for goals that there are none of */
export const withGoalIds = (definition: FunnelDefinition, goals: readonly GoalTarget[]): FunnelDefinition => {
  const byId = <T extends TargetWish>(wish: T, path: string): T =>
    wish.goal === undefined ? wish : { ...wish, goal: goalOf(wish.goal, goals, path).id };
  return {
    ...definition,
    steps: definition.steps.map((step, at) => byId(step, `steps.${at}`)),
    exclusions: definition.exclusions.map((exclusion, at) => byId(exclusion, `exclusions.${at}`)),
  };
};

const stepsOf = ({ steps, mode }: FunnelDefinition, goals: readonly GoalTarget[]): FunnelStep[] =>
  steps.map((step, at) => {
    const path = `steps.${at}`;
    const optional = step.optional ?? false;
    if (optional && at === 0)
      throw badField(
        `${path}.optional`,
        'first_step_optional',
        'must not be true: an attempt starts at the first step',
      );
    if (optional && mode === 'any')
      throw badField(
        `${path}.optional`,
        'optional_in_any',
        'must not be true: with mode any no step comes before another',
      );
    const { name, target } = found(step, goals, path);
    return { name: step.name ?? name, target, optional };
  });

const exclusionsOf = ({ exclusions, steps }: FunnelDefinition, goals: readonly GoalTarget[]): FunnelExclusion[] =>
  exclusions.map((exclusion, at) => {
    const path = `exclusions.${at}`;
    const { fromStep, toStep } = exclusion;
    if (fromStep >= toStep) throw badField(`${path}.fromStep`, 'out_of_range', 'must be less than toStep');
    if (toStep > steps.length)
      throw badField(`${path}.toStep`, 'out_of_range', `must be at most ${steps.length}, the number of steps`);
    return { target: found(exclusion, goals, path).target, fromStep, toStep };
  });

const found = (wish: TargetWish, goals: readonly GoalTarget[], path: string): Found => {
  const { event, page, goal } = wish;
  if ([event, page, goal].filter((one) => one !== undefined).length !== 1)
    throw badField(path, 'ambiguous_target', 'must have exactly one of event, page and goal');
  const at = `${path}.filters`;
  const filter = wish.filters === undefined ? undefined : resolveGoals(parseFilter(wish.filters, at), goals, at);
  if (goal === undefined) return { name: event ?? page ?? '', target: targetFilter({ event, page, filter }) };
  const reached = goalOf(goal, goals, path);
  return { name: reached.name, target: allOf(reached.filter, filter) ?? reached.filter };
};

/** How much text a filter becomes, in comparisons. */
const weightOf = (filter: Filter): number => {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.filters.reduce((sum, part) => sum + weightOf(part), 0);
    case 'not':
      return weightOf(filter.filter);
    case 'did':
      // A read of its own.
      return 10 + weightOf(filter.filter);
    case 'test':
      return filter.op === 'matches' || filter.op === 'notMatches' ? filter.values.length : 1;
    case 'among':
      return filter.dimensions.length;
  }
};

const goalOf = (idOrName: string, goals: readonly GoalTarget[], path: string): GoalTarget => {
  const goal = findGoal(goals, idOrName);
  if (goal === undefined)
    throw badField(`${path}.goal`, 'unknown_goal', 'must be the name or the id of a goal of the project');
  return goal;
};
