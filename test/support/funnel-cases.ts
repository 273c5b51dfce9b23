// What must a funnel say of these few events? One table of named cases, for the reference and for SQL alike.
import { randomUUID } from 'node:crypto';
import type { FunnelMode } from '../../src/funnels/funnel.types';
import type { PlainQuestion } from './reference/funnels';
import type { JsonFilter, RawEvent } from './reference/statistics';

/** Where the stories begin. */
export const STORY_BEGINS = Date.UTC(2026, 4, 9, 12);

const VISITOR = 'f000000000000001';

/** Events of one visitor, in the order sent: `A B@100.001 C(red)` is A at once, B after 100.001 s, and C a second after B, whose
 *  property `colour` is red. */
export const story = (text: string): RawEvent[] => {
  let after = -1;
  return text.split(' ').map((word, seq) => {
    const [, name = '', seconds, colour] = /^(\w+)(?:@([-\d.]+))?(?:\((\w+)\))?$/.exec(word) ?? [];
    after = seconds === undefined ? after + 1 : Number(seconds);
    return {
      id: randomUUID(),
      ts: STORY_BEGINS + Math.round(after * 1_000),
      receivedAt: STORY_BEGINS + 86_400_000,
      seq,
      name,
      visitor: VISITOR,
      user: '',
      session: '',
      path: '/',
      country: '',
      properties: colour === undefined ? {} : { colour },
      revenue: name === 'C' ? 10_000 : 0,
      currency: name === 'C' ? 'EUR' : '',
    };
  });
};

const isEvent = (name: string): JsonFilter => ['is', 'event', [name]];

/** A question about stories: window 100 s, one hour of starts.
 *  @param steps `A B? C`: names, with a mark where the step is optional */
export const about = (steps: string, more: Partial<PlainQuestion> = {}): PlainQuestion => ({
  range: { from: STORY_BEGINS, to: STORY_BEGINS + 3_600_000 },
  timezone: 'UTC',
  mode: 'ordered',
  windowMs: 100_000,
  countBy: 'visitor',
  steps: steps.split(' ').map((step) => ({ target: isEvent(step.replace('?', '')), optional: step.endsWith('?') })),
  exclusions: [],
  holdConstant: [],
  ...more,
});

/** A story, a question, and for each step how many attempts hold it. */
export interface FunnelCase {
  says: string;
  events: string;
  question: PlainQuestion;
  counts: number[];
}

type Rest = Partial<PlainQuestion>;

const reach = (says: string, events: string, steps: string, mode: FunnelMode, counts: number[], rest: Rest = {}) => ({
  says: `${says}: ${mode}`,
  events,
  question: about(steps, { mode, ...rest }),
  counts,
});

const inEach = (says: string, events: string, steps: string, counts: number[], rest: Rest = {}): FunnelCase[] =>
  (['ordered', 'strict', 'any'] as const).map((mode) => reach(says, events, steps, mode, counts, rest));

const not = (event: string, fromStep: number, toStep: number): Rest => ({
  exclusions: [{ target: isEvent(event), fromStep, toStep }],
});
const constant: Rest = { holdConstant: ['property:colour'] };

/** The definition, case by case. */
export const FUNNEL_CASES: readonly FunnelCase[] = [
  ...inEach('A B C is three steps', 'A B C', 'A B C', [1, 1, 1]),
  reach('A X B C is three steps', 'A X B C', 'A B C', 'ordered', [1, 1, 1]),
  reach('A X B C is one step', 'A X B C', 'A B C', 'strict', [1, 0, 0]),
  reach('A X B C is one step, whatever the filter selects', 'A X B C', 'A B C', 'strict', [1, 0, 0], {
    filter: ['is', 'event', ['A', 'B', 'C']],
  }),
  reach('A C B C is three steps', 'A C B C', 'A B C', 'ordered', [1, 1, 1]),
  reach('A C B C is one step', 'A C B C', 'A B C', 'strict', [1, 0, 0]),
  reach('A C B C is three steps', 'A C B C', 'A B C', 'any', [1, 1, 1]),
  ...inEach('A, B and C of one millisecond are three steps in the order sent', 'A@1 B@1 C@1', 'A B C', [1, 1, 1]),
  reach('B sent before A of the same millisecond is not after it', 'B@1 A@1', 'A B', 'ordered', [1, 0]),
  ...inEach('a step exactly 100 s after the start counts', 'A@0 B@100', 'A B', [1, 1]),
  ...inEach('a step 100.001 s after the start does not', 'A@0 B@100.001', 'A B', [1, 0]),
  ...inEach('the window is of the attempt, not of each step', 'A@0 B@60 C@120', 'A B C', [1, 1, 0]),
  reach('steps A, A, B over A B are one step', 'A B', 'A A B', 'ordered', [1, 0, 0]),
  reach('steps A, A, B over A A B are three', 'A A B', 'A A B', 'ordered', [1, 1, 1]),
  reach('steps A, A, B over A B are one step', 'A B', 'A A B', 'strict', [1, 0, 0]),
  reach('steps A, A, B over A A B are three', 'A A B', 'A A B', 'strict', [1, 1, 1]),
  reach('steps A, A, B over A B are two steps, in whichever order', 'A B', 'A A B', 'any', [1, 1, 0]),
  reach('steps A, A, B over A A B are three', 'A A B', 'A A B', 'any', [1, 1, 1]),
  reach('events are given to steps so that as many as can be are done', 'A B', 'A B', 'any', [1, 1], {
    steps: [
      { target: ['is', 'event', ['A', 'B']], optional: false },
      { target: isEvent('A'), optional: false },
    ],
  }),
  ...inEach('a later start goes further', 'A@0 X@1 A@90 B@120 C@190', 'A B C', [1, 1, 1]),
  ...inEach('an attempt starts in the range alone', 'A@-1 B@1', 'A B', [0, 0]).slice(0, 2),
  ...inEach('steps may come after the end of the range', 'A@3599.999 B@3601', 'A B', [1, 1]),
  ...inEach('the end of the range is not in it', 'A@3600 B@3601', 'A B', [0, 0]),
  reach('an optional step is skipped', 'A C', 'A B? C', 'ordered', [1, 0, 1]),
  reach('an optional step is taken where it comes', 'A B C', 'A B? C', 'ordered', [1, 1, 1]),
  reach('an optional step is skipped', 'A C', 'A B? C', 'strict', [1, 0, 1]),
  reach('what comes first is gone on to', 'A C B', 'A B? C? D', 'ordered', [1, 0, 1, 0]),
  reach('of several steps an event is the furthest', 'A B', 'A B? B', 'ordered', [1, 0, 1]),
  reach('an exclusion ends the attempt', 'A X B', 'A B', 'ordered', [1, 0], not('X', 1, 2)),
  reach('an exclusion lies between its steps alone', 'A X B C', 'A B C', 'ordered', [1, 1, 1], not('X', 2, 3)),
  reach('an exclusion between others ends it there', 'A B X C', 'A B C', 'ordered', [1, 1, 0], not('X', 2, 3)),
  reach('an exclusion spans steps', 'A B X C', 'A B C', 'ordered', [1, 1, 0], not('X', 1, 3)),
  reach('an attempt after the exclusion is one of its own', 'A X A B', 'A B', 'ordered', [1, 1], not('X', 1, 2)),
  reach('the next step is no exclusion', 'A B C', 'A B C', 'ordered', [1, 1, 1], not('B', 1, 2)),
  reach('a step that was done already is one', 'A A B', 'A B', 'ordered', [1, 1], not('A', 1, 2)),
  reach('an exclusion that the filter leaves out is none', 'A X B', 'A B', 'ordered', [1, 1], {
    ...not('X', 1, 2),
    filter: ['isNot', 'event', ['X']],
  }),
  reach('an exclusion ends the attempt', 'C X B', 'A B C', 'any', [1, 0, 0], not('X', 1, 2)),
  reach('an exclusion lies between its steps alone', 'C B X A', 'A B C', 'any', [1, 1, 1], not('X', 1, 2)),
  ...inEach('what is held constant is the same', 'A(red) B(red)', 'A B', [1, 1], constant),
  ...inEach('what is held constant is not another', 'A(red) B(blue)', 'A B', [1, 0], constant),
  ...inEach('what is held constant is there', 'A B', 'A B', [0, 0], constant),
  reach('a step with another value is passed by', 'A(red) B(blue) B(red)', 'A B', 'ordered', [1, 1], constant),
  reach('a step with another value lies between', 'A(red) B(blue) B(red)', 'A B', 'strict', [1, 0], constant),
];
