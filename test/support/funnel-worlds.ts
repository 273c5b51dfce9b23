// What can units do that a funnel looks at? Random small worlds, hundreds in one project, and random questions about them.
import * as fc from 'fast-check';
import { INTERVALS } from '../../src/common/buckets';
import { parseFilter } from '../../src/events/query';
import { ATTRIBUTIONS, type FunnelMode, type FunnelQuestion } from '../../src/funnels/funnel.types';
import type { PlainQuestion } from './reference/funnels';
import type { JsonFilter, Link, RawEvent } from './reference/statistics';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Where ranges begin: a minute before a month of UTC does, and in the midst of local days. */
export const BEGINS = Date.UTC(2026, 4, 31, 23, 59);
/** The window that most gaps are cut for. */
const WINDOW = 100 * SECOND;

const NAMES = ['A', 'B', 'C', 'A', 'B', 'C', 'X'];
const PATHS = ['/', '/a', '/a/b', ''];
const PLANS = ['pro', '12', 12, null, 'x"\\é'];
const SIZES = ['s', 'm'];

/** What one little world is made of, before it has a place among others. */
interface Draft {
  /** Milliseconds since the event before. */
  gap: number;
  late: number;
  place: number;
  name: string;
  path: string;
  country: string;
  plan: unknown;
  size: unknown;
  money: { revenue: number; currency: string } | undefined;
  who: readonly [visitor: string, user: string];
  session: string;
  again: { later: number; place: number; name: string | undefined } | undefined;
}

/** A unit, or a few that turn out to be one, and when they begin. */
export interface LittleWorld {
  begins: number;
  drafts: Draft[];
}

/** Mostly one visitor. Else two of whom one or both are linked, to one user or to two, or a user alone. */
const ALONE: Draft['who'][] = [['f', '']];
const LINKED: Draft['who'][] = [
  ['f', ''],
  ['e', ''],
  ['f', 'd'],
  ['e', 'd'],
  ['e', 'c'],
  ['d', 'd'],
];

const GAPS = [0, 0, 0, 0, 1, SECOND, WINDOW / 2 - 1, WINDOW / 2, WINDOW / 2 + 1, WINDOW - 1, WINDOW, WINDOW + 1];
const SILENCES = [30 * MINUTE, 30 * MINUTE + 1, DAY, DAY + 1];

/** A thing once in a while, after so many times nothing. */
const seldom = <T>(nothings: number, thing: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: nothings, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: thing });

const draft = (whos: readonly Draft['who'][], sessions: readonly string[], gaps: readonly number[]) =>
  fc.record<Draft>({
    gap: fc.constantFrom(...gaps),
    late: fc.constantFrom(0, 0, 0, 1, 5 * MINUTE),
    place: fc.nat({ max: 500 }),
    name: fc.constantFrom(...NAMES),
    path: fc.constantFrom(...PATHS),
    country: fc.constantFrom('DE', 'US', ''),
    plan: fc.constantFrom(undefined, ...PLANS, 'pro', 'pro', 'pro', 'pro', 'pro', 'pro'),
    size: fc.constantFrom(undefined, ...SIZES, 's', 's', 's'),
    money: fc.constantFrom(
      undefined,
      { revenue: 1_234_500, currency: 'EUR' },
      { revenue: -500_000, currency: 'EUR' },
      { revenue: 990_000, currency: 'USD' },
      { revenue: 0, currency: 'CHF' },
    ),
    who: fc.constantFrom(...whos),
    session: fc.constantFrom(...sessions),
    again: seldom(
      5,
      fc.record({
        later: fc.integer({ min: 1, max: 5 }),
        place: fc.nat({ max: 500 }),
        // Of two versions the one received last holds, whatever it says.
        name: fc.constantFrom(undefined, undefined, ...NAMES),
      }),
    ),
  });

/** Up to eight events around the beginning of a range; now and then many. */
export const littleWorld = (): fc.Arbitrary<LittleWorld> =>
  fc
    .record({
      begins: fc.constantFrom(-WINDOW, -1, 0, 0, 0, 0, 0, 0, 1, WINDOW - 1, WINDOW),
      whos: fc.constantFrom(ALONE, ALONE, LINKED),
      sessions: fc.constantFrom([''], [''], ['', 'b', 'a'], ['b']),
      gaps: fc.constantFrom(GAPS, GAPS, [...GAPS, ...SILENCES]),
      most: fc.constantFrom(4, 6, 8, 8, 8, 8, 8, 8, 8, 8, 8, 30),
    })
    .chain(({ begins, whos, sessions, gaps, most }) =>
      fc.record({
        begins: fc.constant(begins),
        drafts: fc.array(draft(whos, sessions, gaps), {
          minLength: Math.min(3, most - 3),
          maxLength: most,
          size: 'max',
        }),
      }),
    );

/** A hash that tells whose it is: its first digit is the role in the little world, the rest the world's number. Beyond 2^53. */
const hashOf = (role: string, world: number): string => role && `${role}${world.toString(16).padStart(15, '0')}`;

/** The number of the little world to which a visitor or a user belongs. */
export const worldOf = (hash: string): number => Number.parseInt(hash.slice(1), 16);

/** The rows of a little world in the order made: first each event, then those that were sent again. */
export const rowsOfWorld = ({ begins, drafts }: LittleWorld, world: number): RawEvent[] => {
  let ts = BEGINS + begins;
  const first = drafts.map((draft, at): RawEvent => {
    ts += draft.gap;
    return {
      id: `${((at * 7_919) % 65_536).toString(16).padStart(8, '0')}-0000-4000-8000-${world.toString(16).padStart(12, '0')}`,
      ts,
      receivedAt: ts + draft.late,
      // Never level: events of one time and arrival have places of their own, in no order of their making.
      seq: draft.place * 128 + at,
      name: draft.name,
      visitor: hashOf(draft.who[0], world),
      user: hashOf(draft.who[1], world),
      session: hashOf(draft.session, world),
      path: draft.path,
      country: draft.country,
      properties: {
        ...(draft.plan === undefined ? {} : { plan: draft.plan }),
        ...(draft.size === undefined ? {} : { size: draft.size }),
      },
      revenue: draft.money?.revenue ?? 0,
      currency: draft.money?.currency ?? '',
    };
  });
  const again = first.flatMap((event, at): RawEvent[] => {
    const { again } = drafts[at] ?? {};
    if (again === undefined) return [];
    const { later, place, name = event.name } = again;
    return [{ ...event, name, receivedAt: event.receivedAt + later, seq: place * 128 + first.length + at }];
  });
  return [...first, ...again];
};

/** The links that events say. */
export const linksOf = (rows: readonly RawEvent[]): Link[] =>
  rows.flatMap(({ visitor, user, ts }) => (user === '' || visitor === user ? [] : [{ visitor, user, at: ts }]));

const isEvent = (...names: string[]): JsonFilter => ['is', 'event', names];

const target = (): fc.Arbitrary<JsonFilter> => {
  const named = fc.constantFrom(...NAMES).map((name) => isEvent(name));
  return fc.oneof(
    { weight: 8, arbitrary: named },
    {
      weight: 3,
      arbitrary: fc.constantFrom<JsonFilter>(
        isEvent('A', 'B'),
        ['and', isEvent('A', 'B', 'C'), ['is', 'property:plan', ['pro']]],
        ['and', isEvent('A'), ['matches', 'page', ['^/a']]],
        ['or', isEvent('B'), ['gte', 'property:plan', ['12']]],
        ['not', isEvent('A')],
        ['exists', 'property:size'],
        ['and', isEvent('B', 'C'), ['did', ['is', 'page', ['/']]]],
        ['is', 'entryPage', ['/a', '']],
      ),
    },
  );
};

/** Few steps as a rule, of few names, so that they come again.
 *  @param most now and then so many; the reference keeps every set of them in mode `any`, where more than eight are not tried */
const targets = (mode: FunnelMode, most: number): fc.Arbitrary<JsonFilter[]> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.array(target(), { minLength: 2, maxLength: 4 }) },
    {
      weight: 1,
      arbitrary: fc.array(target(), {
        minLength: 2,
        maxLength: Math.min(most, mode === 'any' ? 8 : most),
        size: 'max',
      }),
    },
  );

/** Exclusions, of which the steps are told when those are known. */
const exclusionWishes = (maxLength: number) =>
  fc.array(fc.record({ target: target(), from: fc.nat(), span: fc.nat() }), { maxLength });

/** A question about how far units get.
 *  @param most steps at most */
export const plainQuestion = (mode: FunnelMode, most = 6): fc.Arbitrary<PlainQuestion> =>
  fc
    .record({
      targets: targets(mode, most),
      length: fc.constantFrom(1, WINDOW, WINDOW + 1, HOUR, HOUR, HOUR, HOUR, 3 * DAY, 3 * DAY),
      timezone: fc.constantFrom('UTC', 'Asia/Kathmandu', 'America/New_York'),
      windowMs: fc.constantFrom(WINDOW, WINDOW, WINDOW, WINDOW, SECOND, WINDOW / 2, 30 * MINUTE, 2 * DAY),
      countBy: fc.constantFrom('visitor' as const, 'visitor' as const, 'session' as const),
      optional: fc.array(fc.constantFrom(false, false, true), { minLength: 20, maxLength: 20 }),
      exclusions: fc.oneof(
        { weight: 2, arbitrary: exclusionWishes(0) },
        { weight: 2, arbitrary: exclusionWishes(2) },
        { weight: 1, arbitrary: exclusionWishes(8) },
      ),
      holdConstant: fc.constantFrom<string[]>(
        [],
        [],
        [],
        [],
        [],
        ['property:plan'],
        ['property:size', 'property:plan'],
      ),
      filter: seldom(
        3,
        fc.oneof(target(), fc.constantFrom<JsonFilter>(isEvent('A', 'B', 'C'), ['isNot', 'country', ['DE']])),
      ),
      skips: fc.boolean(),
    })
    .map(({ targets, length, optional, exclusions, skips, filter, ...rest }) => ({
      ...rest,
      ...(filter === undefined ? {} : { filter }),
      mode,
      range: { from: BEGINS, to: BEGINS + length },
      steps: targets.map((target, at) => ({
        target,
        optional: mode !== 'any' && skips && at > 0 && optional[at] === true,
      })),
      exclusions: exclusions.map(({ target, from, span }) => {
        const fromStep = 1 + (from % (targets.length - 1));
        return { target, fromStep, toStep: fromStep + 1 + (span % (targets.length - fromStep)) };
      }),
    }));

/** The same with a breakdown and a trend. */
export const fullQuestion = (mode: FunnelMode): fc.Arbitrary<PlainQuestion> =>
  fc
    .record({
      question: plainQuestion(mode),
      breakdown: fc.record({
        dimension: fc.constantFrom(
          'property:plan',
          'property:size',
          'page',
          'country',
          'event',
          'visitor',
          'entryPage',
        ),
        attribution: fc.constantFrom(...ATTRIBUTIONS),
        step: fc.nat(),
        limit: fc.integer({ min: 1, max: 6 }),
      }),
      interval: fc.constantFrom(...INTERVALS),
    })
    .map(({ question, breakdown, interval }) => ({
      ...question,
      interval,
      breakdown: { ...breakdown, step: 1 + (breakdown.step % question.steps.length) },
    }));

/** A question as the warehouse is asked it. */
export const toQuestion = (project: number, plain: PlainQuestion): FunnelQuestion => {
  const { steps, exclusions, filter, ...rest } = plain;
  return {
    ...rest,
    project,
    precision: 'exact',
    steps: steps.map(({ target, optional }, at) => ({ name: `${at + 1}`, target: parseFilter(target), optional })),
    exclusions: exclusions.map((exclusion) => ({ ...exclusion, target: parseFilter(exclusion.target) })),
    ...(filter === undefined ? {} : { filter: parseFilter(filter) }),
  };
};
