// Where do goals come into a question, and is another question what asks for other goals?
import { parseFilter, targetFilter, toJson } from '../events/query';
import type { GoalTarget } from '../goals/goals.types';
import { questionKey } from './cache/question-key';
import { goalsOf, settleGoals, wantsGoals } from './stats.goals';
import { question } from './stats.request';

const aGoal = (name: string, event: string): GoalTarget => ({
  id: `018f0000-0000-7000-8000-0000000000${name.length.toString().padStart(2, '0')}`,
  name,
  filter: targetFilter({ event }),
});
const GOALS = [aGoal('Signup', 'signup'), aGoal('Bought!', 'buy')];
const SIGNUP = ['is', 'goal', ['Signup']];
const OTHER = ['is', 'page', ['/']];

const settled = (metrics: string[], tree?: unknown, goals: readonly GoalTarget[] = GOALS) =>
  settleGoals({ metrics, groupings: [], filter: tree === undefined ? undefined : parseFilter(tree) }, goals);
/** Whom a rate is out of; undefined: the selected ones; null: everybody. */
const outOf = (tree?: unknown): unknown => {
  const found = settled(['conversionRate'], tree).outOf;
  return found && (found.filter === undefined ? null : toJson(found.filter));
};

it.each<[unknown, unknown]>([
  [undefined, undefined],
  [OTHER, undefined],
  [SIGNUP, null],
  [['isNot', 'goal', ['Signup']], null],
  [['exists', 'goal'], null],
  [['and', SIGNUP, OTHER], OTHER],
  [
    ['and', OTHER, ['and', OTHER, SIGNUP]],
    ['and', OTHER, OTHER],
  ],
  [['and', SIGNUP, ['and', ['exists', 'goal']]], null],
  [['or', SIGNUP, OTHER], undefined],
  [['not', SIGNUP], undefined],
  [['did', SIGNUP], undefined],
  [
    ['and', SIGNUP, ['not', ['is', 'goal', ['Bought!']]]],
    ['not', ['is', 'event', ['buy']]],
  ],
])('takes %j as a rate out of %j', (tree, expected) => {
  expect(outOf(tree)).toEqual(expected);
});

it('puts the goals’ filters in place of their names, and carries goals only where they are looked for', () => {
  const { filter, goals, outOf: whom } = settled(['visitors'], ['and', SIGNUP, OTHER]);
  expect(filter && toJson(filter)).toEqual(['and', ['is', 'event', ['signup']], OTHER]);
  expect([goals, whom]).toEqual([undefined, undefined]);
  expect(settled(['goalRevenue']).goals).toEqual(GOALS);
  const byGoal = settleGoals({ metrics: ['conversions'], groupings: [{ kind: 'goal', goals: [] }] }, GOALS);
  expect(byGoal).toMatchObject({ groupings: [{ kind: 'goal', goals: GOALS }], goals: undefined });
});

it('looks goals up only for questions about them', () => {
  const wants = (metrics: string[], tree?: unknown): boolean =>
    wantsGoals({ metrics, groupings: [], ...(tree === undefined ? {} : { filter: parseFilter(tree) }) });
  expect([wants(['visitors']), wants(['visitors'], OTHER)]).toEqual([false, false]);
  expect([wants(['conversions']), wants(['visitors'], ['not', SIGNUP])]).toEqual([true, true]);
  expect(wantsGoals({ metrics: ['visitors'], groupings: [{ kind: 'goal', goals: [] }] })).toBe(true);
});

it('is another question once a goal is another one', () => {
  const key = (goals: readonly GoalTarget[], metrics: string[], tree?: unknown): string => {
    const query = question({
      project: 7,
      range: { from: 0, to: 1 },
      timezone: 'UTC',
      metrics,
      order: [],
      ...settled(metrics, tree, goals),
    });
    expect(goalsOf(query)).toEqual(metrics.includes('conversions') ? goals : undefined);
    return questionKey(query, 'UTC');
  };
  const changed = [aGoal('Signup', 'join'), aGoal('Bought!', 'buy')];
  for (const [metrics, tree] of [[['conversions'], undefined] as const, [['visitors'], SIGNUP] as const]) {
    expect(key(GOALS, [...metrics], tree)).toBe(key(structuredClone(GOALS), [...metrics], tree));
    expect(key(changed, [...metrics], tree)).not.toBe(key(GOALS, [...metrics], tree));
  }
});
