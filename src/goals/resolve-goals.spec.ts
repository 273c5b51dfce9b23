// What does a filter that names goals come to?
import * as fc from 'fast-check';
import { Problem } from '../common/problem';
import { type Filter, filterSql, parseFilter, targetFilter } from '../events/query';
import { render } from '../platform/clickhouse/sql';
import type { GoalTarget } from './goals.types';
import { findGoal, MAX_RESOLVED_NODES, namesGoals, resolveGoals } from './resolve-goals';

const signup: GoalTarget = {
  id: '0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e10',
  name: 'Signup',
  filter: targetFilter({ event: 'signup', filter: parseFilter(['is', 'property:plan', ['pro']]) }),
};
const thanks: GoalTarget = {
  id: '0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e11',
  name: 'Thanks',
  filter: targetFilter({ page: '/thanks' }),
};
const goals = [signup, thanks];

const resolved = (tree: unknown): Filter | undefined => resolveGoals(parseFilter(tree), goals);

const fault = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof Problem) return (error.extra.errors ?? []).map(({ path, code }) => `${path} ${code}`).join();
    throw error;
  }
  return 'accepted';
};

it('finds a goal by its name, and by its id in either case', () => {
  expect(findGoal(goals, 'Thanks')).toBe(thanks);
  expect(findGoal(goals, thanks.id)).toBe(thanks);
  expect(findGoal(goals, thanks.id.toUpperCase())).toBe(thanks);
  expect([findGoal(goals, 'thanks'), findGoal(goals, ''), findGoal([], 'Thanks')]).toEqual(Array(3).fill(undefined));
});

it.each<[unknown, Filter]>([
  [['is', 'goal', ['Signup']], signup.filter],
  [['is', 'goal', ['Signup', thanks.id]], { kind: 'or', filters: [signup.filter, thanks.filter] }],
  [['is', 'goal', ['Signup', signup.id]], signup.filter],
  [['isNot', 'goal', ['Signup']], { kind: 'not', filter: signup.filter }],
  [['exists', 'goal'], { kind: 'or', filters: [signup.filter, thanks.filter] }],
  [['notExists', 'goal'], { kind: 'not', filter: { kind: 'or', filters: [signup.filter, thanks.filter] } }],
  [['not', ['did', ['is', 'goal', ['Thanks']]]], { kind: 'not', filter: { kind: 'did', filter: thanks.filter } }],
  [
    ['and', ['is', 'country', ['DE']], ['or', ['is', 'goal', ['Thanks']], ['exists', 'referrer']]],
    {
      kind: 'and',
      filters: [
        parseFilter(['is', 'country', ['DE']]),
        { kind: 'or', filters: [thanks.filter, parseFilter(['exists', 'referrer'])] },
      ],
    },
  ],
])('makes of %j what the goals look for', (tree, expected) => {
  expect(resolved(tree)).toEqual(expected);
});

it.each([
  [['is', 'goal', ['Sign']], 'filters[2][0] unknown_goal'],
  [['is', 'goal', ['signup']], 'filters[2][0] unknown_goal'],
  [['isNot', 'goal', ['Signup', '']], 'filters[2][1] unknown_goal'],
  [['and', ['exists', 'page'], ['not', ['is', 'goal', ['x']]]], 'filters[2][1][2][0] unknown_goal'],
  [['contains', 'goal', ['Sign']], 'filters[0] unknown_operator'],
  [['did', ['matches', 'goal', ['^S']]], 'filters[1][0] unknown_operator'],
])('refuses %j', (tree, expected) => {
  expect(fault(() => resolved(tree))).toBe(expected);
});

it('leaves a filter without goals as it is, and knows one with goals', () => {
  const plain = parseFilter(['and', ['is', 'page', ['/']], ['not', ['did', ['is', 'event', ['goal']]]]]);
  const among: Filter = { kind: 'among', dimensions: ['page'], groups: [['/']] };
  expect(resolveGoals(plain, goals)).toBe(plain);
  expect(resolveGoals(undefined, goals)).toBeUndefined();
  expect([undefined, plain, among].map(namesGoals)).toEqual([false, false, false]);
  const named: Filter = { kind: 'and', filters: [among, parseFilter(['did', ['exists', 'goal']])] };
  expect([namesGoals(named), namesGoals(resolveGoals(named, goals))]).toEqual([true, false]);
});

it('selects nothing where a project has no goal, and all that reaches none', () => {
  const nothing = parseFilter(['notExists', 'event']);
  expect(resolveGoals(parseFilter(['exists', 'goal']), [])).toEqual(nothing);
  expect(resolveGoals(parseFilter(['notExists', 'goal']), [])).toEqual({ kind: 'not', filter: nothing });
});

it('refuses what grows beyond all measure, and takes what is just as large as may be', () => {
  // Two tests below an "and": 3 parts.
  const ofThree = targetFilter({ event: 'a', filter: parseFilter(['exists', 'page']) });
  const many = (count: number): GoalTarget[] =>
    Array.from({ length: count }, (_, at) => ({ id: `${at}`, name: `g${at}`, filter: ofThree }));
  const exists = parseFilter(['exists', 'goal']);
  const atMost = Math.floor((MAX_RESOLVED_NODES - 1) / 3);
  expect(fault(() => resolveGoals(exists, many(atMost)))).toBe('accepted');
  expect(fault(() => resolveGoals(exists, many(atMost + 1)))).toBe('filters too_many_filters');
});

const leaves: fc.Arbitrary<unknown[]> = fc.constantFrom<unknown[]>(
  ['is', 'goal', ['Signup']],
  ['isNot', 'goal', ['Thanks', 'Signup']],
  ['exists', 'goal'],
  ['notExists', 'goal'],
  ['is', 'page', ['/']],
  ['gt', 'property:n', [1]],
);

const anyTree = fc.letrec<{ tree: unknown[] }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    leaves,
    tie('tree').map((tree): unknown[] => ['not', tree]),
    tie('tree').map((tree): unknown[] => ['did', tree]),
    fc.tuple(fc.constantFrom('and', 'or'), tie('tree'), tie('tree')).map((parts): unknown[] => parts),
  ),
})).tree;

it('leaves no goal in any filter, so that each can be written as SQL', () =>
  fc.assert(
    fc.property(anyTree, (tree) => {
      const filter = resolved(tree);
      expect(namesGoals(filter)).toBe(false);
      expect(render(filterSql(filter, { project: 1, range: { from: 0, to: 1 } })).query).toBeTruthy();
    }),
  ));
