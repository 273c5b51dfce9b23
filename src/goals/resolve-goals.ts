// What does a filter that names goals select? Puts the goals' own filters in their place, before there is any SQL. Pure.
import { isUuid } from '../common/ids';
import { invalidInput, type FieldError } from '../common/problem';
import { type Filter, GOAL } from '../events/query';
import type { GoalTarget } from './goals.types';

/** Most parts of a filter after goals were put in. A filter of 100 parts that names 200 goals of 100 parts each has none of a
 *  question's usual size left; the warehouse would refuse the text of it. */
export const MAX_RESOLVED_NODES = 2_000;

/** No event: each has a name. */
const NO_EVENT: Filter = { kind: 'test', op: 'notExists', dimension: 'event', values: [] };

const refuse = (path: string, code: string, message: string): never => {
  const error: FieldError = { path, code, message };
  throw invalidInput({ errors: [error] });
};

/** The goal of an id, or of a name. A name never has the form of an id. */
export const findGoal = (goals: readonly GoalTarget[], idOrName: string): GoalTarget | undefined => {
  if (!isUuid(idOrName)) return goals.find(({ name }) => name === idOrName);
  const id = idOrName.toLowerCase();
  return goals.find((goal) => goal.id === id);
};

/** The same filter without goals: each test of `goal` becomes the filters of the goals that it names, so that the answer to a
 *  question, and the key under which it is kept, follow what the goals are now.
 *  @param path where the filter stood in the request
 *  @throws invalidInput for goals that the project does not have, and for comparisons of goals with texts */
export const resolveGoals = (
  filter: Filter | undefined,
  goals: readonly GoalTarget[],
  path = 'filters',
): Filter | undefined => {
  if (filter === undefined || !namesGoals(filter)) return filter;
  const resolved = resolve(filter, goals, path);
  if (countNodes(resolved) > MAX_RESOLVED_NODES)
    return refuse(
      path,
      'too_many_filters',
      `must not come to more than ${MAX_RESOLVED_NODES} filters, those of goals counted`,
    );
  return resolved;
};

/** Whether there is a test of `goal` in a filter, for whoever wants to look goals up only then. */
export const namesGoals = (filter: Filter | undefined): boolean => {
  switch (filter?.kind) {
    case undefined:
    case 'among':
      return false;
    case 'and':
    case 'or':
      return filter.filters.some(namesGoals);
    case 'not':
    case 'did':
      return namesGoals(filter.filter);
    case 'test':
      return filter.dimension === GOAL;
  }
};

const resolve = (filter: Filter, goals: readonly GoalTarget[], at: string): Filter => {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return { ...filter, filters: filter.filters.map((part, index) => resolve(part, goals, `${at}[${index + 1}]`)) };
    case 'not':
    case 'did':
      return { ...filter, filter: resolve(filter.filter, goals, `${at}[1]`) };
    case 'among':
      return filter;
    case 'test':
      return filter.dimension === GOAL ? resolveTest(filter, goals, at) : filter;
  }
};

const resolveTest = (
  { op, values }: Extract<Filter, { kind: 'test' }>,
  goals: readonly GoalTarget[],
  at: string,
): Filter => {
  const named = (): GoalTarget[] =>
    values.map(
      (value, index) =>
        findGoal(goals, value) ??
        refuse(`${at}[2][${index}]`, 'unknown_goal', 'must be the name or the id of a goal of the project'),
    );
  switch (op) {
    case 'is':
      return anyOf(named());
    case 'isNot':
      return { kind: 'not', filter: anyOf(named()) };
    case 'exists':
      return anyOf(goals);
    case 'notExists':
      return { kind: 'not', filter: anyOf(goals) };
    default:
      return refuse(`${at}[0]`, 'unknown_operator', 'must be one of is, isNot, exists, notExists for a goal');
  }
};

/** The events that reach one of these goals. */
const anyOf = (goals: readonly GoalTarget[]): Filter => {
  // A goal may be named twice, by its name and by its id.
  const filters = [...new Set(goals)].map(({ filter }) => filter);
  return filters.length < 2 ? (filters[0] ?? NO_EVENT) : { kind: 'or', filters };
};

const countNodes = (filter: Filter): number => {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.filters.reduce((sum, part) => sum + countNodes(part), 1);
    case 'not':
    case 'did':
      return 1 + countNodes(filter.filter);
    case 'test':
    case 'among':
      return 1;
  }
};
