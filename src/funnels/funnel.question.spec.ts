// Does a funnel become the shape that it says, and is each thing that it can't be refused by its name?
import { Problem } from '../common/problem';
import type { GoalTarget } from '../goals';
import { definitionOf, type DefinitionWish, sameDefinition } from './funnel.definition';
import { MAX_FILTER_WEIGHT, shapeOf, withGoalIds } from './funnel.question';

const event = (name: string) => ({ kind: 'test', op: 'is', dimension: 'event', values: [name] }) as const;
const GOAL: GoalTarget = { id: '0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e10', name: 'Bought', filter: event('purchase') };

const pages = (count: number) => Array.from({ length: count }, (_, at) => ({ page: `/${at}` }));
const STEPS = [{ event: 'a' }, { event: 'b' }, { event: 'c' }];
const shape = (wish: DefinitionWish) => shapeOf(definitionOf({ steps: STEPS, ...wish }), [GOAL]);
const faultOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    const [fault] = (error as Problem).extra.errors ?? [];
    return `${fault?.path} ${fault?.code}`;
  }
  return 'taken';
};

describe('the shape of a funnel', () => {
  it('has filters for steps, milliseconds for its window, and dimensions for what is held', () => {
    const wish = { window: 100, mode: 'strict', countBy: 'session', holdConstant: ['plan'] } as const;
    expect(shape({ ...wish, steps: [{ event: 'a' }, { name: 'B', event: 'b', optional: true }] })).toEqual({
      steps: [
        { name: 'a', target: event('a'), optional: false },
        { name: 'B', target: event('b'), optional: true },
      ],
      mode: 'strict',
      windowMs: 100_000,
      countBy: 'session',
      exclusions: [],
      holdConstant: ['property:plan'],
    });
  });

  it('is ordered, of visitors, within a day where nothing else is said', () => {
    expect(shape({})).toMatchObject({ mode: 'ordered', windowMs: 86_400_000, countBy: 'visitor', holdConstant: [] });
  });

  it('calls a step what it looks for where it has no name', () => {
    const steps = [{ event: 'a' }, { page: '/b/*' }, { goal: 'Bought' }, { name: 'End', goal: GOAL.id }];
    expect(shape({ steps }).steps.map(({ name }) => name)).toEqual(['a', '/b/*', 'Bought', 'End']);
  });

  it('has the goal’s own filter together with the step’s', () => {
    const filters = ['is', 'country', ['DE']];
    const [, step] = shape({ steps: [{ event: 'a' }, { goal: 'Bought', filters }] }).steps;
    const inGermany = { kind: 'test', op: 'is', dimension: 'country', values: ['DE'] };
    expect(step?.target).toEqual({ kind: 'and', filters: [event('purchase'), inGermany] });
  });

  it('puts goals in their place in filters', () => {
    const [, step] = shape({
      steps: [{ event: 'a' }, { event: 'b', filters: ['not', ['is', 'goal', ['Bought']]] }],
    }).steps;
    expect(step?.target).toEqual({ kind: 'and', filters: [event('b'), { kind: 'not', filter: event('purchase') }] });
  });
});

describe('a funnel is refused', () => {
  const exclusion = (fromStep: number, toStep: number) => ({ exclusions: [{ event: 'x', fromStep, toStep }] });
  it.each<[string, DefinitionWish, string]>([
    ['an optional last step', { steps: [{ event: 'a' }, { event: 'b', optional: true }] }, 'taken'],
    [
      'an optional first step',
      { steps: [{ event: 'a', optional: true }, { event: 'b' }] },
      'steps.0.optional first_step_optional',
    ],
    [
      'an optional step in any order',
      { mode: 'any', steps: [{ event: 'a' }, { event: 'b', optional: true }] },
      'steps.1.optional optional_in_any',
    ],
    [
      'steps that are not optional in any order',
      { mode: 'any', steps: [{ event: 'a', optional: false }, { event: 'b' }] },
      'taken',
    ],
    ['eight pages in any order', { mode: 'any', steps: pages(8) }, 'taken'],
    ['nine pages in any order', { mode: 'any', steps: pages(9) }, 'steps too_many_alike'],
    ['nine pages one after the other', { steps: pages(9) }, 'taken'],
    ['a step without anything', { steps: [{ event: 'a' }, { name: 'b' }] }, 'steps.1 ambiguous_target'],
    ['a step with two things', { steps: [{ event: 'a' }, { page: '/', goal: 'Bought' }] }, 'steps.1 ambiguous_target'],
    ['a goal that there is none of', { steps: [{ goal: 'Sold' }, { event: 'b' }] }, 'steps.0.goal unknown_goal'],
    [
      'a filter that is none',
      { steps: [{ event: 'a', filters: ['is', 'page'] }, { event: 'b' }] },
      'steps.0.filters[2] invalid_values',
    ],
    ['an exclusion between the first steps', exclusion(1, 2), 'taken'],
    ['an exclusion up to the last step', exclusion(1, 3), 'taken'],
    ['an exclusion beyond the last step', exclusion(1, 4), 'exclusions.0.toStep out_of_range'],
    ['an exclusion between a step and itself', exclusion(2, 2), 'exclusions.0.fromStep out_of_range'],
    ['an exclusion backwards', exclusion(3, 1), 'exclusions.0.fromStep out_of_range'],
    ['an exclusion of nothing', { exclusions: [{ fromStep: 1, toStep: 2 }] }, 'exclusions.0 ambiguous_target'],
    [
      'an exclusion of a goal that is gone',
      { exclusions: [{ goal: 'Sold', fromStep: 1, toStep: 2 }] },
      'exclusions.0.goal unknown_goal',
    ],
  ])('or not: %s', (_what, wish, fault) => {
    expect(faultOf(() => shape(wish))).toBe(fault);
  });

  it('where its filters come to more than a statement holds', () => {
    const weighing = (patterns: number) => [
      'or',
      ...Array.from({ length: 3 }, () => ['matches', 'page', Array.from({ length: patterns }, (_, at) => `p${at}`)]),
    ];
    // Three lists of patterns, and the names of two events.
    const most = (MAX_FILTER_WEIGHT - 3) / 3;
    const wish = (patterns: number) => ({ steps: [{ event: 'a', filters: weighing(patterns) }, { event: 'b' }] });
    expect(faultOf(() => shape({ ...wish(Math.floor(most)) }))).toBe('taken');
    expect(faultOf(() => shape({ ...wish(Math.floor(most) + 1) }))).toBe('steps too_many_filters');
  });
});

describe('what was said of a funnel', () => {
  it('leaves what was not said as it was', () => {
    const before = definitionOf({ steps: STEPS, window: 60, mode: 'strict' });
    expect(definitionOf({ window: 61, mode: undefined }, before)).toEqual({ ...before, window: 61 });
  });

  it('is the same in whatever order it was said', () => {
    const one = definitionOf({ steps: [{ event: 'a', name: 'A' }, { event: 'b' }], window: 5 });
    const other = definitionOf({ window: 5, steps: [{ name: 'A', optional: false, event: 'a' }, { event: 'b' }] });
    expect(sameDefinition(one, other)).toBe(true);
    expect(sameDefinition(one, definitionOf({ window: 6 }, one))).toBe(false);
  });

  it('names goals by id when it is kept', () => {
    const wish = definitionOf({
      steps: [{ goal: 'Bought' }, { event: 'b' }],
      exclusions: [{ goal: 'Bought', fromStep: 1, toStep: 2 }],
    });
    const kept = withGoalIds(wish, [GOAL]);
    expect([kept.steps[0]?.goal, kept.steps[1]?.goal, kept.exclusions[0]?.goal]).toEqual([GOAL.id, undefined, GOAL.id]);
    expect(faultOf(() => withGoalIds(wish, []))).toBe('steps.0.goal unknown_goal');
  });
});
