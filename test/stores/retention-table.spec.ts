// Are cohorts, lifecycles and active days right? Against the plain-TypeScript reference, over random histories, on the real engine.
// RETENTION_RUNS=500 tries more histories than a usual run does.
import * as fc from 'fast-check';
import type { World } from '../support/world';
import { toLifecycle, toStickiness } from '../../src/stats/retention/activity.result';
import {
  lifecycleQuestion,
  retentionQuestion,
  stickinessQuestion,
  type Surroundings,
} from '../../src/stats/retention/retention.request';
import { toRetention } from '../../src/stats/retention/retention.result';
import * as reference from '../support/reference/retention';
import { type JsonFilter, seeEvents } from '../support/reference/statistics';
import { aRetentionHarness, historyWorld, momentIn, type RetentionHarness } from '../support/retention-world';
import { worldFilter } from '../support/world';

const numRuns = Number(process.env.RETENTION_RUNS ?? 20);
jest.setTimeout(120_000 + numRuns * 3_000);

let harness: RetentionHarness;
beforeAll(async () => {
  harness = await aRetentionHarness();
});
afterAll(() => harness.clickhouse.onApplicationShutdown());

type Event = Parameters<reference.AskedRetention['isStart']>[0];
/** What begins or returns, as it is asked and as it is meant. */
const TARGETS: readonly { asked: Record<string, string>; is: (event: Event) => boolean }[] = [
  { asked: {}, is: () => true },
  { asked: { Event: 'signup' }, is: ({ name }: Event) => name === 'signup' },
  { asked: { Event: 'buy' }, is: ({ name }: Event) => name === 'buy' },
  { asked: { Page: '/a/**' }, is: ({ name, path }: Event) => name === 'pageview' && /^\/a(\/|$)/.test(path) },
];
const named = (side: 'start' | 'return', asked: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(asked).map(([kind, value]) => [`${side}${kind}`, value]));

/** The calendar's name of what begins at an ISO time. */
const nameOf = (iso: string, interval: string): string => iso.slice(0, interval === 'month' ? 7 : 10);
type Table = Pick<ReturnType<typeof toRetention>, 'data' | 'averages'>;
const withNames = <T extends Table>(table: T, interval: string): T => ({
  ...table,
  data: table.data.map((row) => ({ ...row, cohort: nameOf(row.cohort, interval) })),
});

const anInterval = () => fc.constantFrom('day' as const, 'week' as const, 'month' as const);
/** A history, its interval, and what is shown of it when. */
const aCase = (stretch: Record<'day' | 'week' | 'month', number> = { day: 6, week: 30, month: 90 }) =>
  anInterval().chain((interval) =>
    fc.record({
      interval: fc.constant(interval),
      world: historyWorld(stretch[interval]),
      now: momentIn(2 * stretch[interval]),
      since: fc.option(momentIn(stretch[interval]), { nil: undefined, freq: 3 }),
      filter: fc.oneof({ arbitrary: fc.constant(undefined), weight: 2 }, worldFilter()),
    }),
  );

interface Case {
  world: World & { midnight: number };
  now: number;
  since: number | undefined;
  filter: JsonFilter | undefined;
}

/** Puts a case into the warehouse, and in the words of the reference. */
const settle = async ({ world, now, since: after, filter }: Case) => {
  const project = await harness.settle(world.blocks, world.links);
  const since = after === undefined ? undefined : world.midnight + after;
  const kept = world.blocks.flat().filter(({ ts }) => since === undefined || ts >= since);
  const around: Surroundings = {
    project,
    homeZone: 'UTC',
    span: { range: world.range, timezone: world.zone, ...(since === undefined ? {} : { since }) },
    goals: [],
    now: world.midnight + now,
  };
  const request = filter === undefined ? {} : { filters: JSON.stringify(filter) };
  const asked = { zone: world.zone, range: world.range, now: around.now, filter };
  return { around, request, asked, all: seeEvents(kept, world.links) };
};

it('gives the cohorts of the reference for every history, target, mode and breakdown', () =>
  fc.assert(
    fc.asyncProperty(
      aCase(),
      fc.record({
        columns: fc.integer({ min: 0, max: 4 }),
        mode: fc.constantFrom('on' as const, 'onOrAfter' as const),
        start: fc.constantFrom(...TARGETS),
        comeback: fc.constantFrom(...TARGETS),
        breakdown: fc.option(
          fc.record({
            dimension: fc.constantFrom('country', 'page', 'property:plan', 'visitor', 'entryPage'),
            limit: fc.integer({ min: 1, max: 3 }),
          }),
          { nil: undefined },
        ),
      }),
      async ({ interval, ...given }, { columns, mode, start, comeback, breakdown }) => {
        const { around, request, asked, all } = await settle(given);
        const question = retentionQuestion(
          {
            ...request,
            interval,
            columns,
            mode,
            ...named('start', start.asked),
            ...named('return', comeback.asked),
            ...(breakdown === undefined ? {} : { breakdown: breakdown.dimension, limit: breakdown.limit }),
          },
          around,
        );
        const { meta: _, ...answer } = toRetention(question, await harness.retentions.cohorts(question));
        const tables = answer.breakdown;
        const shown = {
          ...withNames(answer, interval),
          ...(tables === undefined
            ? {}
            : {
                breakdown: {
                  ...tables,
                  rows: tables.rows.map((row) => withNames(row, interval)),
                  ...(tables.other === undefined ? {} : { other: withNames(tables.other, interval) }),
                },
              }),
        };
        const isStart = start.is;
        const isReturn = comeback.is;
        expect(shown).toEqual(
          reference.retention(all, { ...asked, interval, columns, mode, isStart, isReturn, breakdown }),
        );
      },
    ),
    { numRuns: 2 * numRuns },
  ));

it('gives the lifecycle of the reference, of which every active visitor is one of three', () =>
  fc.assert(
    fc.asyncProperty(aCase(), async ({ interval, ...given }) => {
      const { around, request, asked, all } = await settle(given);
      const question = lifecycleQuestion({ ...request, interval }, around);
      const { data } = toLifecycle(question, await harness.retentions.lifecycle(question));
      const shown = data.map((row) => ({ ...row, time: nameOf(row.time, interval) }));
      expect(shown).toEqual(reference.lifecycle(all, { ...asked, interval }));
    }),
    { numRuns },
  ));

it('gives the active days of the reference, whose sums are the whole', () =>
  fc.assert(
    fc.asyncProperty(aCase({ day: 30, week: 30, month: 90 }), async ({ interval: any, ...given }) => {
      const interval = any === 'day' ? 'week' : any;
      const { around, request, asked, all } = await settle(given);
      const question = stickinessQuestion({ ...request, interval }, around);
      const answer = toStickiness(question, await harness.retentions.stickiness(question));
      const countsOf = ({ data }: Pick<typeof answer, 'data'>): number[] => data.map(({ visitors }) => visitors);
      const expected = reference.stickiness(all, { ...asked, interval });
      const shown = answer.periods.map((one) => ({ time: nameOf(one.time, interval), counts: countsOf(one) }));
      expect(shown).toEqual(expected);
      const sums = countsOf(answer).map((_, at) => expected.reduce((sum, { counts }) => sum + (counts[at] ?? 0), 0));
      expect(countsOf(answer)).toEqual(sums);
      const days = sums.reduce((sum, count, at) => sum + count * (at + 1), 0);
      expect(answer.mean).toBe(answer.visitors === 0 ? 0 : days / answer.visitors);
    }),
    { numRuns },
  ));
