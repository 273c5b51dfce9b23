// Are the funnels right? Against the plain-TypeScript reference, on the real engine: case by case, unit by unit over crowds of random
// little worlds, and figure by figure. `npm run fuzz:funnels` goes on with more of them. Two minutes on two cores that others use too.
import * as fc from 'fast-check';
import { readEnv, StoreUrls } from '../../src/config/env';
import type { RollupSnapshots } from '../../src/aggregation';
import { FUNNEL_MODES, type FunnelFigures } from '../../src/funnels/funnel.types';
import { FunnelAnswers } from '../../src/funnels/answer/funnel-answers.repository';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { Volumes } from '../../src/stats';
import { aClickHouseDatabase } from '../support';
import { about, FUNNEL_CASES, story } from '../support/funnel-cases';
import { crowdOf, describe as inWords, FunnelTrial, questionsOf, rounded } from '../support/funnel-trial';
import { fullQuestion, linksOf, littleWorld, plainQuestion, rowsOfWorld, toQuestion } from '../support/funnel-worlds';
import { attempts, type PlainQuestion, referenceFunnel } from '../support/reference/funnels';
import { bucketName, type RawEvent, seeEvents } from '../support/reference/statistics';

jest.setTimeout(300_000);

let clickhouse: ClickHouse;
let answers: FunnelAnswers;
let trial: FunnelTrial;

beforeAll(async () => {
  const url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined);
  clickhouse = new ClickHouse(readEnv({ LOG_LEVEL: 'silent', QUERY_TIMEOUT_MS: '120000' }), new StoreUrls('', url));
  // Nobody counted anything, so no sample is taken.
  const snapshots = { of: async () => undefined, revisionOf: async () => 0 } as unknown as RollupSnapshots;
  answers = new FunnelAnswers(clickhouse, new Volumes(snapshots));
  trial = new FunnelTrial(clickhouse, answers);
});
afterAll(() => clickhouse.onApplicationShutdown());

/** What the warehouse says, in the reference's shape. */
const asked = async (project: number, question: PlainQuestion, since?: number) => {
  const whole = { ...toQuestion(project, question), ...(since === undefined ? {} : { since }) };
  const { total, rows, other, trend } = await answers.answer(whole, question.timezone);
  const { interval = 'day', timezone } = question;
  return rounded({
    total,
    rows,
    other,
    trend:
      trend && Object.fromEntries(trend.map(({ start, counts }) => [bucketName(start, timezone, interval), counts])),
  });
};

const expected = (rows: readonly RawEvent[], question: PlainQuestion) => {
  const { trend, ...figures } = referenceFunnel(seeEvents(rows, linksOf(rows)), question);
  return rounded({ ...figures, trend: trend && Object.fromEntries(trend) });
};

const counts = ({ steps }: FunnelFigures): number[] => steps.map(({ count }) => count);

describe('the definition, case by case', () => {
  let projects: number[];
  beforeAll(async () => {
    projects = await trial.settleApart(FUNNEL_CASES.map(({ events }) => story(events)));
  });

  it.each(FUNNEL_CASES.map((one, place) => ({ ...one, place })))(
    '$says',
    async ({ question, counts: right, place }) => {
      const { total } = await trial.answer(projects[place] ?? 0, question);
      expect(counts(total)).toEqual(right);
    },
  );
});

it('counts a unit once in a breakdown by what changes between its steps', async () => {
  const breakdown = { dimension: 'property:colour', attribution: 'first', limit: 10, step: 1 } as const;
  const project = await trial.settle(story('A(red) B(blue) C(green)'));
  const { rows } = await trial.answer(project, about('A B C', { breakdown }));
  expect(rows?.map((row) => [row.value, counts(row)])).toEqual([['red', [1, 1, 1]]]);
});

// A question costs the engine a quarter of a second however few units there are, so many units answer each: 24,000 cases a mode.
it.each(FUNNEL_MODES)('says of each unit what the reference says: %s', async (mode) => {
  const seed = Number(process.env.FUNNEL_SEED ?? Date.now() % 2 ** 31);
  const crowd = crowdOf(2_000, seed);
  const project = await trial.settle(crowd.flat());
  for (const [at, question] of questionsOf(mode, 12, seed).entries()) {
    const difference = await trial.compare(project, crowd, question, at % 4 === 0);
    expect(difference && `FUNNEL_SEED=${seed}\n${inWords(difference)}`).toBeUndefined();
  }
});

const few = () => fc.array(littleWorld(), { minLength: 1, maxLength: 12 }).map((worlds) => worlds.flatMap(rowsOfWorld));

it.each(FUNNEL_MODES)('gives the figures, rows and buckets of the reference: %s', (mode) =>
  fc.assert(
    fc.asyncProperty(few(), fullQuestion(mode), async (rows, question) => {
      expect(await asked(await trial.settle(rows), question)).toEqual(expected(rows, question));
    }),
    { numRuns: 20 },
  ),
);

it('has rows that add up to the total', () =>
  fc.assert(
    fc.asyncProperty(few(), fullQuestion('ordered'), async (events, question) => {
      const { total, rows = [], other } = await trial.answer(await trial.settle(events), question);
      const sums = question.steps.map((_, at) =>
        [...rows, ...(other === undefined ? [] : [other])].reduce((sum, row) => sum + (row.steps[at]?.count ?? 0), 0),
      );
      expect(sums).toEqual(counts(total));
    }),
    { numRuns: 8 },
  ));

it('leaves out what is older than events are kept, as if it were gone', () =>
  fc.assert(
    fc.asyncProperty(
      few(),
      fullQuestion('ordered'),
      fc.constantFrom(-1, 0, 1, 50_000, 100_001),
      async (rows, question, after) => {
        const since = question.range.from + after;
        const { trend, ...figures } = referenceFunnel(
          seeEvents(
            rows.filter(({ ts }) => ts >= since),
            linksOf(rows),
          ),
          question,
        );
        const right = rounded({ ...figures, trend: trend && Object.fromEntries(trend) });
        expect(await asked(await trial.settle(rows), question, since)).toEqual(right);
      },
    ),
    { numRuns: 10 },
  ));

it.each(FUNNEL_MODES)('lists who came as far as a step and who no further, page by page: %s', (mode) =>
  fc.assert(
    fc.asyncProperty(
      fc.array(littleWorld(), { minLength: 1, maxLength: 30 }),
      plainQuestion(mode),
      fc.nat(),
      fc.boolean(),
      async (worlds, question, place, dropped) => {
        const rows = worlds.flatMap(rowsOfWorld);
        const project = await trial.settle(rows);
        const step = 1 + (place % question.steps.length);
        const walked: { startedAt: number; unit: string; steps: number[] }[] = [];
        for (;;) {
          const after = walked.at(-1);
          const wish = { step, dropped, limit: 3, ...(after === undefined ? {} : { after }) };
          const page = await answers.attempts(toQuestion(project, question), wish);
          walked.push(
            ...page.map(({ unit, events }) => ({
              startedAt: events[0]?.at ?? 0,
              unit,
              steps: events.map((event) => event.step),
            })),
          );
          if (page.length < 3) break;
        }
        const right = attempts(seeEvents(rows, linksOf(rows)), question)
          .map((walk) => walk.map((one) => one.step))
          .filter((steps) => (dropped ? steps.at(-1) === step : steps.includes(step)));
        expect(walked.map(({ steps }) => steps.join()).sort()).toEqual(right.map((steps) => steps.join()).sort());
        expect(new Set(walked.map(({ unit }) => unit)).size).toBe(walked.length);
        const starts = walked.map(({ startedAt }) => startedAt);
        expect(starts).toEqual(starts.toSorted((a, b) => b - a));
      },
    ),
    { numRuns: 5 },
  ),
);
