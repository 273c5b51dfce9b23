// Do goals count what they should? Against the plain-TypeScript reference, over random worlds with random goals, on the real engine.
// STATS_RUNS=500 tries more worlds than a usual run does.
import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { RollupSnapshots } from '../../src/aggregation';
import { DAY_MS, type TimeRange } from '../../src/common/time-range';
import { readEnv, StoreUrls } from '../../src/config/env';
import type { ChangeLog } from '../../src/events/changes';
import { parseFilter, targetFilter } from '../../src/events/query';
import type { GoalTarget } from '../../src/goals/goals.types';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { RolledRepository } from '../../src/stats/rolled/rolled.repository';
import { settleGoals } from '../../src/stats/stats.goals';
import { sameGroups } from '../../src/stats/stats.inquiry';
import { StatsRepository } from '../../src/stats/stats.repository';
import { question } from '../../src/stats/stats.request';
import { inOrderOf, toFigures } from '../../src/stats/stats.result';
import type { Grouping, SortBy, StatsQuery, StatsRow } from '../../src/stats/stats.types';
import { Volumes } from '../../src/stats/volumes';
import { aClickHouseDatabase } from '../support';
import * as goalsOf from '../support/reference/goals';
import * as reference from '../support/reference/statistics';
import {
  EVENT_COLUMNS,
  LINK_COLUMNS,
  linkRowsOf,
  rowsOf,
  smallWorld,
  worldDimension,
  worldFilter,
  type World,
} from '../support/world';

// Of each kind some: what they are without goals is held to the reference elsewhere.
const OTHER_METRICS = ['visitors', 'events', 'revenue', 'sessions', 'bounceRate', 'entries', 'sum(property:plan)'];
const GOAL_METRICS = ['conversions', 'conversionRate', 'goalRevenue'];
const METRICS = [...GOAL_METRICS, ...OTHER_METRICS];

const numRuns = Number(process.env.STATS_RUNS ?? 12);
jest.setTimeout(180_000 + numRuns * 5_000);

let clickhouse: ClickHouse;
let stats: (query: StatsQuery) => Promise<readonly StatsRow[]>;
/** The same where so many events are told of that only a sample can be read in time. */
let sampled: StatsRepository;
/** One of so many visitors is read. */
const SAMPLE = 8;
let lastProject = 0;

beforeAll(async () => {
  const url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined);
  clickhouse = new ClickHouse(readEnv({ LOG_LEVEL: 'silent' }), new StoreUrls('', url));
  const snapshots = { of: async () => undefined, revisionOf: async () => 0 } as unknown as RollupSnapshots;
  const nothingOwed = { owes: () => false } as unknown as ChangeLog;
  const rolled = new RolledRepository(snapshots);
  const repository = new StatsRepository(clickhouse, rolled, new Volumes(snapshots), nothingOwed);
  stats = async (query) => (await repository.answer(query, 'UTC')).rows;
  const full = {
    of: async (_project: number, _zone: string, range: TimeRange) => ({
      horizon: 0,
      openFrom: 0,
      revision: 1,
      stale: [],
      cells: [{ ...range, version: 1, events: 2_000_000 * SAMPLE, detailed: false, skipped: [] }],
    }),
    revisionOf: async () => 1,
  } as unknown as RollupSnapshots;
  sampled = new StatsRepository(clickhouse, new RolledRepository(full), new Volumes(full), nothingOwed);
});
afterAll(() => clickhouse.onApplicationShutdown());

/** A project of its own with a world's events. @returns its number */
async function settle(world: World): Promise<number> {
  lastProject += 1;
  const insert = (table: string, columns: readonly string[], body: string): Promise<void> =>
    body === '' ? Promise.resolve() : clickhouse.insert({ table, columns, body, token: randomUUID() });
  await insert('visitor_links', LINK_COLUMNS, linkRowsOf(lastProject, world.links));
  for (const block of world.blocks) await insert('events', EVENT_COLUMNS, rowsOf(lastProject, block));
  return lastProject;
}

const NAMES = ['Signup', 'Read', "it's \\ é", '/'];

/** Goals of every kind, some of which mean the same events. */
const someGoals = (): fc.Arbitrary<goalsOf.KnownGoal[]> =>
  fc
    .array(
      fc
        .record({
          target: fc.oneof(
            fc.constantFrom('pageview', 'signup', 'Pageview').map((event) => ({ event })),
            fc.constantFrom('/a', '/*', '/**', '**', '/a/**', '/a/?', '/**/b', '').map((page) => ({ page })),
          ),
          filters: fc.option(worldFilter(), { nil: undefined, freq: 2 }),
          value: fc.oneof(
            fc.constant(undefined),
            fc.constantFrom('12.50', '0.01', '0').map((amount) => ({ amount, currency: 'EUR' })),
            fc.constantFrom('EUR', 'USD').map((currency) => ({ property: 'plan', currency })),
          ),
        })
        .map(({ target, filters, value }) => ({
          ...target,
          ...(filters === undefined ? {} : { filters }),
          ...(value === undefined ? {} : { value }),
        })),
      { maxLength: NAMES.length },
    )
    .map((goals) => goals.map((goal, at) => ({ name: NAMES[at] ?? '', ...goal })));

const toTarget = ({ name, event, page, filters, value }: goalsOf.KnownGoal, at: number): GoalTarget => ({
  id: `00000000-0000-7000-8000-00000000000${at}`,
  name,
  filter: targetFilter({ event, page, filter: filters === undefined ? undefined : parseFilter(filters) }),
  ...(value === undefined ? {} : { value }),
});

type Shape = (goal: reference.JsonFilter, other: reference.JsonFilter) => reference.JsonFilter | undefined;
const SHAPES: Shape[] = [
  () => undefined,
  (_, other) => other,
  (goal) => goal,
  (goal, other) => ['and', other, goal],
  (goal, other) => ['and', ['and', goal, other], ['or', goal, other]],
  (goal, other) => ['or', other, goal],
  (goal) => ['not', goal],
  (goal, other) => ['and', ['did', goal], other],
];

interface Case {
  world: World;
  goals: goalsOf.KnownGoal[];
  filter: reference.JsonFilter | undefined;
}

/** A world with goals, and a filter that may name some of them at its top or anywhere else. */
const aCase = (): fc.Arbitrary<Case> =>
  fc
    .record({
      world: smallWorld(),
      goals: someGoals(),
      op: fc.constantFrom('is', 'is', 'isNot', 'exists', 'notExists'),
      named: fc.subarray(NAMES, { minLength: 1 }),
      other: worldFilter(),
      shape: fc.constantFrom(...SHAPES),
    })
    .map(({ world, goals, op, named, other = ['exists', 'event'], shape }) => {
      const known = named.filter((name) => goals.some((goal) => goal.name === name));
      const test: reference.JsonFilter =
        op.endsWith('xists') || known.length === 0 ? ['exists', 'goal'] : [op, 'goal', known];
      return { world, goals, filter: shape(test, other) };
    });

const ask = (
  project: number,
  { world, goals, filter }: Case,
  groupings: readonly Grouping[],
  metrics = METRICS,
): StatsQuery =>
  question({
    project,
    range: world.range,
    timezone: world.zone,
    metrics,
    order: [],
    ...settleGoals(
      { metrics, groupings, filter: filter === undefined ? undefined : parseFilter(filter) },
      goals.map(toTarget),
    ),
  });

const seen = ({ world, goals }: Case, range = world.range): reference.SeenEvent[] =>
  goalsOf.reachGoals(reference.seeEvents(world.blocks.flat(), world.links), goals, range);

const named = (rows: readonly StatsRow[], nameOf: (row: StatsRow) => string) =>
  new Map(rows.map((row) => [nameOf(row), toFigures(METRICS, row)]));

/** The metrics that are asked for, of all that the reference knows. */
const only = (figures: Map<string, reference.Figures>) =>
  new Map(
    [...figures].map(([name, known]) => [name, Object.fromEntries(METRICS.map((metric) => [metric, known[metric]]))]),
  );

const BY_GOAL: Grouping = { kind: 'goal', goals: [] };

it('gives the figures of the reference over time, for every filter that names goals', () =>
  fc.assert(
    fc.asyncProperty(aCase(), fc.constantFrom('hour', 'day', 'month'), async (one, interval) => {
      const project = await settle(one.world);
      const { zone, range } = one.world;
      const rows = await stats(ask(project, one, [{ kind: 'time', interval }]));
      const buckets = named(rows, ({ groups }) => reference.bucketName(Number(groups[0]), zone, interval));
      const expected = goalsOf.groupedWithGoals(seen(one), range, one.goals, one.filter, (_, at) =>
        reference.bucketName(at, zone, interval),
      );
      expect(buckets).toEqual(only(expected));
    }),
    { numRuns },
  ));

it('gives the rows of the reference for every goal', () =>
  fc.assert(
    fc.asyncProperty(aCase(), async (one) => {
      const project = await settle(one.world);
      const rows = await stats(ask(project, one, [BY_GOAL]));
      const expected = goalsOf.groupedByGoal(seen(one), one.world.range, one.goals, one.filter, () => 'all');
      expect(named(rows, ({ groups }) => JSON.stringify([groups[0], 'all']))).toEqual(only(expected));
    }),
    { numRuns },
  ));

it('gives the rows of the reference for every goal by another dimension, and finds them in another range', () =>
  fc.assert(
    fc.asyncProperty(aCase(), worldDimension(), async (one, dimension) => {
      const project = await settle(one.world);
      const query = ask(project, one, [{ kind: 'value', dimension }, BY_GOAL]);
      const nameOf = ({ groups }: StatsRow): string => JSON.stringify([groups[1], groups[0]]);
      const of = (range = one.world.range) =>
        only(
          goalsOf.groupedByGoal(seen(one, range), range, one.goals, one.filter, (event) =>
            reference.valueOf(event, dimension),
          ),
        );
      const rows = await stats(query);
      expect(named(rows, nameOf)).toEqual(of());

      const range = { from: one.world.range.from - 86_400_000, to: one.world.range.from };
      const then = inOrderOf(rows, await stats(sameGroups(query, rows, range)), METRICS);
      const known = of(range);
      for (const row of then)
        expect([nameOf(row), toFigures(METRICS, row)]).toEqual([
          nameOf(row),
          known.get(nameOf(row)) ?? toFigures(METRICS, undefined),
        ]);
    }),
    { numRuns },
  ));

it('says in each row of a goal what the overview says with that goal as a further filter', () =>
  fc.assert(
    fc.asyncProperty(aCase(), async (one) => {
      const project = await settle(one.world);
      // An event of two goals is worth both where nobody asks by goal.
      const metrics = METRICS.filter((name) => name !== 'goalRevenue');
      for (const row of await stats(ask(project, one, [BY_GOAL], metrics))) {
        const reached: reference.JsonFilter = ['is', 'goal', [row.groups[0]]];
        const filter: reference.JsonFilter = one.filter === undefined ? reached : ['and', one.filter, reached];
        const [alone] = await stats(ask(project, { ...one, filter }, [], metrics));
        expect(alone?.values).toEqual(row.values);
      }
    }),
    { numRuns: Math.ceil(numRuns / 4) },
  ));

it('asks for the figures of goals alone, page by page and by a part of their names', () =>
  fc.assert(
    fc.asyncProperty(aCase(), fc.constantFrom('conversions', 'conversionRate'), async (one, metric) => {
      const project = await settle(one.world);
      const query: StatsQuery = {
        ...ask(project, one, [BY_GOAL], [metric, ...GOAL_METRICS.filter((name) => name !== metric)]),
        order: [
          { column: { metric: 0 }, descending: true },
          { column: { grouping: 0 }, descending: false },
        ],
      };
      const whole = await stats(query);
      const walked: StatsRow[] = [];
      for (let last: StatsRow | undefined; ; last = walked.at(-1)) {
        const after = last === undefined ? undefined : [last.values[0] as number, last.groups[0] ?? ''];
        const page = await stats(question({ ...query, limit: 1, after }));
        walked.push(...page);
        if (page.length === 0) break;
      }
      expect(walked).toEqual(whole);
      const found = await stats({ ...query, search: 'SIGN' });
      expect(found).toEqual(whole.filter(({ groups }) => groups[0] === 'Signup'));
    }),
    { numRuns: Math.ceil(numRuns / 2) },
  ));

it('estimates figures of goals from a sample of visitors, within the error that it says', async () => {
  lastProject += 1;
  const from = Date.UTC(2026, 4, 1);
  const days = 12;
  // 8,000 visitors a day with one pageview each; every 4th signs up, every 20th buys for 1 to 9.
  await clickhouse.run(`
    INSERT INTO events (project_id, ts, received_at, event_id, name, visitor_id, country, properties)
    SELECT ${lastProject}, toDateTime64('2026-05-01 06:00:00', 3, 'UTC') + toIntervalDay(intDiv(number, 3) % ${days}) + toIntervalMinute(number % 3) AS ts, ts, generateUUIDv4(),
      ['pageview', 'signup', 'buy'][1 + number % 3] AS name, cityHash64(intDiv(number, 3), 'v') AS visitor, if(visitor % 3 = 0, 'DE', 'FR'),
      if(name = 'buy', map('price', toString(1 + visitor % 9)), map())
    FROM numbers(${days} * 8000 * 3)
    WHERE name = 'pageview' OR (name = 'signup' AND visitor % 4 = 0) OR (name = 'buy' AND visitor % 20 = 0)`);
  const goals: goalsOf.KnownGoal[] = [
    { name: 'Signup', event: 'signup', value: { amount: '12.50', currency: 'EUR' } },
    { name: 'Bought', event: 'buy', value: { property: 'price', currency: 'USD' } },
  ];
  const sum = (value: unknown): number =>
    Array.isArray(value)
      ? (value as { amount: string }[]).reduce((all, { amount }) => all + Number(amount), 0)
      : Number(value);
  let figures = 0;
  let within = 0;
  for (let day = 0; day < days; day += 1) {
    const world = {
      zone: 'UTC',
      range: { from: from + day * DAY_MS, to: from + (day + 1) * DAY_MS },
      blocks: [],
      links: [],
    };
    const order: SortBy[] = [{ column: { metric: 0 }, descending: true }];
    const groupings: Grouping[] = [BY_GOAL, { kind: 'time', interval: 'day' }];
    const query = question({
      ...ask(lastProject, { world, goals, filter: undefined }, groupings, GOAL_METRICS),
      order,
      limit: 10,
    });
    const { rows, account } = await sampled.answer(query, 'UTC');
    expect(account).toMatchObject({ sampleFraction: 1 / SAMPLE, approximate: GOAL_METRICS });
    const exact = await stats(query);
    expect(rows.map(({ groups }) => groups)).toEqual(exact.map(({ groups }) => groups));
    for (const [at, row] of rows.entries())
      for (const [metric, name] of GOAL_METRICS.entries()) {
        const bound = account.relativeError?.[name] ?? 0;
        expect(bound).toBeLessThan(1);
        const said = sum(row.values[metric]);
        figures += 1;
        if (Math.abs(sum(exact[at]?.values[metric]) - said) <= bound * said) within += 1;
      }
  }
  expect(within / figures).toBeGreaterThan(0.9);
});
