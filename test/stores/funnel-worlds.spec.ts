// Are the funnels right? Against the plain-TypeScript reference, on the real engine: case by case, unit by unit over crowds of random
// little worlds, and figure by figure. `npm run fuzz:funnels` goes on with more of them. Two minutes on two cores that others use too.
import * as fc from 'fast-check';
import { readEnv, StoreUrls } from '../../src/config/env';
import type { RollupSnapshot, RollupSnapshots } from '../../src/aggregation';
import { CopyStore } from '../../src/aggregation/copies/copy-store';
import { FUNNEL_MODES, type FunnelFigures } from '../../src/funnels/funnel.types';
import { FunnelAnswers } from '../../src/funnels/answer/funnel-answers.repository';
import { isToldByKept } from '../../src/funnels/answer/kept-sequences.queries';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { Volumes } from '../../src/stats';
import { aClickHouseDatabase } from '../support';
import { about, FUNNEL_CASES, story } from '../support/funnel-cases';
import { crowdOf, describe as inWords, FunnelTrial, questionsOf, rounded } from '../support/funnel-trial';
import {
  BEGINS,
  fullQuestion,
  linksOf,
  littleWorld,
  plainQuestion,
  rowsOfWorld,
  toQuestion,
} from '../support/funnel-worlds';
import { attempts, type PlainQuestion, referenceFunnel } from '../support/reference/funnels';
import { bucketName, type RawEvent, seeEvents } from '../support/reference/statistics';

jest.setTimeout(300_000);

let clickhouse: ClickHouse;
let answers: FunnelAnswers;
let trial: FunnelTrial;
let copies: CopyStore;
/** What is derived of projects; nothing of others, and so no sample is taken. */
const derived = new Map<number, Pick<RollupSnapshot, 'cells' | 'stale'>>();

beforeAll(async () => {
  const url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined);
  clickhouse = new ClickHouse(readEnv({ LOG_LEVEL: 'silent', QUERY_TIMEOUT_MS: '120000' }), new StoreUrls('', url));
  const snapshots = {
    of: async (project: number) => derived.get(project),
    revisionOf: async () => 0,
  } as unknown as RollupSnapshots;
  answers = new FunnelAnswers(clickhouse, new Volumes(snapshots));
  copies = new CopyStore(clickhouse);
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

/** Keeps a project's events as sequences, but for some cells, and says of some stretches that they changed since. */
const keep =
  (seconds: readonly number[], { missing, stale }: { missing: number; stale: readonly [from: number, to: number][] }) =>
  async (project: number): Promise<void> => {
    const at = (second: number): number => BEGINS + second * 1_000;
    const ends = [-4 * 86_400, ...seconds, 4 * 86_400];
    const cells = ends.slice(0, -1).flatMap((from, place) => {
      const cell = { from: at(from), to: at(ends[place + 1] ?? from), version: project * 100 + place };
      return place === missing ? [] : [cell];
    });
    for (const { version, ...range } of cells) await copies.write({ project, range, version, of: 1, sequences: true });
    derived.set(project, {
      cells: cells.map((cell) => ({
        ...cell,
        events: 1,
        detailed: true,
        skipped: [],
        copy: { version: cell.version, of: 1, sequences: true },
      })),
      stale: stale.map(([from, to]) => ({ from: at(from), to: at(to) })),
    });
  };

describe('of sequences that are kept', () => {
  afterEach(() => {
    trial.afterSettling = async () => undefined;
  });

  it.each(FUNNEL_MODES)('says of each unit what the reference says: %s', async (mode) => {
    const seed = Number(process.env.FUNNEL_SEED ?? Date.now() % 2 ** 31);
    const crowd = crowdOf(1_000, seed);
    trial.afterSettling = keep([-50, 0, 1, 51, 101, 200], {
      missing: 3,
      stale: [
        [20, 30],
        [100, 150],
      ],
    });
    const project = await trial.settle(crowd.flat());
    const told = questionsOf(mode, 200, seed).filter((question) => isToldByKept(toQuestion(project, question)));
    expect(told.length).toBeGreaterThan(8);
    for (const question of told.slice(0, 8)) {
      const difference = await trial.compare(project, crowd, question);
      expect(difference && `FUNNEL_SEED=${seed}\n${inWords(difference)}`).toBeUndefined();
    }
  });

  it('gives the figures and buckets of the reference, revenue and what is older than events are kept included', () =>
    fc.assert(
      fc.asyncProperty(
        few(),
        fc.constantFrom(...FUNNEL_MODES).chain(fullQuestion),
        fc.uniqueArray(fc.integer({ min: -300, max: 400 }), { minLength: 1, maxLength: 5 }),
        fc.nat(5),
        fc.option(fc.constantFrom(-1, 0, 1, 50_000, 100_001), { nil: undefined }),
        async (rows, { breakdown: _breakdown, holdConstant: _held, ...question }, cuts, missing, after) => {
          trial.afterSettling = keep(
            cuts.toSorted((a, b) => a - b),
            { missing, stale: [[40, 60]] },
          );
          const plain: PlainQuestion = { ...question, holdConstant: [] };
          const since = after === undefined ? undefined : plain.range.from + after;
          const left = rows.filter(({ ts }) => since === undefined || ts >= since);
          const { trend, ...figures } = referenceFunnel(seeEvents(left, linksOf(rows)), plain);
          const right = rounded({ ...figures, trend: trend && Object.fromEntries(trend) });
          expect(await asked(await trial.settle(rows), plain, since)).toEqual(right);
        },
      ),
      { numRuns: 40 },
    ));
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
          const page = await answers.attempts(toQuestion(project, question), question.timezone, wish);
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
