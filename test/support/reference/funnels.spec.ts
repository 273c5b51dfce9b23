// Is the reference right? Case by case, and against a search through every possible attempt.
import * as fc from 'fast-check';
import { about, FUNNEL_CASES, story, STORY_BEGINS } from '../funnel-cases';
import { attempts, type PlainQuestion, referenceFunnel } from './funnels';
import { seeEvents } from './statistics';

const funnel = (events: string, question: PlainQuestion) => referenceFunnel(seeEvents(story(events), []), question);
const depth = (events: string, question: PlainQuestion): number =>
  attempts(seeEvents(story(events), []), question)[0]?.at(-1)?.step ?? 0;

it.each(FUNNEL_CASES)('$says', ({ events, question, counts }) => {
  expect(funnel(events, question).total.steps.map(({ count }) => count)).toEqual(counts);
});

it('counts a unit once in a breakdown by what changes between its steps', () => {
  const breakdown = { dimension: 'property:colour', limit: 10, step: 2 };
  const row = (attribution: 'first' | 'last' | 'step', events = 'A(red) B(blue) C(green)') =>
    funnel(events, about('A B C', { breakdown: { ...breakdown, attribution } })).rows;
  const whole = funnel('A B C', about('A B C')).total;
  expect(row('first')).toEqual([{ value: 'red', ...whole }]);
  expect(row('step')).toEqual([{ value: 'blue', ...whole }]);
  expect(row('last')).toEqual([{ value: 'green', ...whole }]);
  expect(row('step', 'A(red)')?.map(({ value }) => value)).toEqual([null]);
});

it('takes the deepest attempt, of equals the first', () => {
  const starts = (events: string) =>
    attempts(seeEvents(story(events), []), about('A B C')).map((walk) => walk.map(({ event }) => event.ts));
  expect(starts('A@0 A@10 B@20 A@30')).toEqual([[STORY_BEGINS, STORY_BEGINS + 20_000]]);
  expect(starts('A@0 A@50 B@60 C@140')).toEqual([
    [STORY_BEGINS + 50_000, STORY_BEGINS + 60_000, STORY_BEGINS + 140_000],
  ]);
});

it('says how long each step took and what the last one brought', () => {
  const { steps, revenue } = funnel('A@0 B@1.5 C@61.5', about('A B C')).total;
  expect(steps[2]).toEqual({
    count: 1,
    fromPrevious: { median: 60, p75: 60, p90: 60, histogram: [{ from: 60, to: 120, count: 1 }] },
    fromFirst: { median: 61.5, p75: 61.5, p90: 61.5, histogram: [{ from: 60, to: 120, count: 1 }] },
  });
  expect(steps[0]).toEqual({ count: 1 });
  expect(revenue).toEqual([{ currency: 'EUR', amount: '1.00' }]);
});

/** Stories of few names with many ties, and steps of the same names. */
const names = (max: number) => fc.array(fc.constantFrom('A', 'B', 'C'), { minLength: 2, maxLength: max });
const someStory = () =>
  fc
    .array(fc.tuple(fc.constantFrom('A', 'B', 'C'), fc.constantFrom(0, 0, 1, 49, 50, 51)), {
      minLength: 1,
      maxLength: 9,
    })
    .map((events) => {
      let at = 0;
      return events.map(([name, gap]) => `${name}@${(at += gap)}`).join(' ');
    });

/** How many steps some choice of events can do, later steps by later ones or in any order. */
const furthest = (text: string, steps: string[], ordered: boolean): number => {
  const events = story(text);
  const search = (from: number, left: string[], start: number | undefined): number =>
    Math.max(
      0,
      ...events.slice(from).flatMap(({ name, ts }, at) => {
        if (start !== undefined && ts - start > 100_000) return [];
        return left.flatMap((step, place) =>
          step === name && (!ordered || place === 0)
            ? [1 + search(from + at + 1, ordered ? left.slice(1) : left.toSpliced(place, 1), start ?? ts)]
            : [],
        );
      }),
    );
  return search(0, steps, undefined);
};

it('goes as far as any choice of events would', () =>
  fc.assert(
    fc.property(someStory(), names(4), (events, steps) => {
      expect(depth(events, about(steps.join(' ')))).toBe(furthest(events, steps, true));
      expect(depth(events, about(steps.join(' '), { mode: 'any' }))).toBe(furthest(events, steps, false));
    }),
    { numRuns: 500 },
  ));

it('goes no further in a stricter mode', () =>
  fc.assert(
    fc.property(someStory(), names(4), (events, steps) => {
      const [strict = 0, ordered = 0, any = 0] = (['strict', 'ordered', 'any'] as const).map((mode) =>
        depth(events, about(steps.join(' '), { mode })),
      );
      expect(strict).toBeLessThanOrEqual(ordered);
      expect(ordered).toBeLessThanOrEqual(any);
    }),
    { numRuns: 500 },
  ));

it('goes no further where something is excluded, and no less far where a step is optional', () =>
  fc.assert(
    fc.property(someStory(), names(4), fc.nat({ max: 3 }), (events, steps, extra) => {
      const plain = depth(events, about(steps.join(' ')));
      const excluding = about(steps.join(' '), {
        exclusions: [{ target: ['is', 'event', ['ABC'[extra % 3] ?? '']], fromStep: 1, toStep: steps.length }],
      });
      expect(depth(events, excluding)).toBeLessThanOrEqual(plain);
      const optional = steps.map((step, at) => (at === 1 ? `${step}?` : step)).join(' ');
      expect(depth(events, about(optional))).toBeGreaterThanOrEqual(plain);
    }),
    { numRuns: 500 },
  ));
