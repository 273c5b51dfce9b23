// Are the figures right? Against the plain-TypeScript reference, over random worlds, on the real engine.
// STATS_RUNS=500 tries more worlds than a usual run does.
import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { INTERVALS } from '../../src/common/buckets';
import { encodeCursor } from '../../src/common/cursor';
import { readEnv, StoreUrls } from '../../src/config/env';
import { HOUR_MS } from '../../src/common/time-range';
import {
  allOf,
  during,
  eventSource,
  findSessionScan,
  parseFilter,
  type RunQuery,
  type SessionScan,
} from '../../src/events/query';
import type { ChangeLog } from '../../src/events/changes';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { metricOf, METRICS as PLAIN_METRICS, OVERVIEW_METRICS } from '../../src/stats/metrics';
import { isOverview, overviewSql } from '../../src/stats/overview.queries';
import { planOf } from '../../src/stats/stats.plan';
import { statsSql } from '../../src/stats/stats.queries';
import { type Sql, sql } from '../../src/platform/clickhouse/sql';
import type { RollupSnapshots } from '../../src/aggregation';
import { RolledRepository } from '../../src/stats/rolled/rolled.repository';
import { Volumes } from '../../src/stats/volumes';
import { StatsRepository } from '../../src/stats/stats.repository';
import { sameGroups } from '../../src/stats/stats.inquiry';
import { question, readCursor } from '../../src/stats/stats.request';
import { inOrderOf, sortValues, toFigures } from '../../src/stats/stats.result';
import type { Grouping, SortBy, SortValue, StatsQuery, StatsRow } from '../../src/stats/stats.types';
import { aClickHouseDatabase } from '../support';
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

const METRICS = [...PLAIN_METRICS, ...reference.PROPERTY_FIGURES];

const numRuns = Number(process.env.STATS_RUNS ?? 12);
// A question of all metrics is a large statement, and a machine may be busy.
jest.setTimeout(180_000 + numRuns * 5_000);

let clickhouse: ClickHouse;
let stats: { rows(query: StatsQuery): Promise<readonly StatsRow[]> };
let lastProject = 0;

beforeAll(async () => {
  const url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined);
  clickhouse = new ClickHouse(readEnv({ LOG_LEVEL: 'silent' }), new StoreUrls('', url));
  // Nothing is derived: every answer is read from raw events.
  const snapshots = { of: async () => undefined, revisionOf: async () => 0 } as unknown as RollupSnapshots;
  const nothingOwed = { owes: () => false } as unknown as ChangeLog;
  const repository = new StatsRepository(
    clickhouse,
    new RolledRepository(snapshots),
    new Volumes(snapshots),
    nothingOwed,
  );
  stats = { rows: async (query) => (await repository.answer(query, 'UTC')).rows };
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

const ask = (
  project: number,
  world: World,
  groupings: readonly Grouping[],
  filter: reference.JsonFilter | undefined,
  more: Partial<StatsQuery> = {},
): StatsQuery =>
  question({
    project,
    range: world.range,
    timezone: world.zone,
    metrics: METRICS,
    groupings,
    order: [],
    filter: filter === undefined ? undefined : parseFilter(filter),
    ...more,
  });

const figures = (rows: readonly StatsRow[], nameOf = ({ groups }: StatsRow): string => String(groups[0])) =>
  new Map(rows.map((row) => [nameOf(row), toFigures(METRICS, row)]));

const by = (dimension: string): Grouping[] => [{ kind: 'value', dimension }];

it('gives the figures of the reference for every world, range and filter', () =>
  fc.assert(
    fc.asyncProperty(smallWorld(), worldFilter(), async (world, filter) => {
      const project = await settle(world);
      const all = reference.seeEvents(world.blocks.flat(), world.links);
      const [row] = await stats.rows(ask(project, world, [], filter));
      const expected = reference.overview(all, world.range, filter);
      expect(toFigures(METRICS, row)).toEqual(expected);
      // Alone, these are read in another way.
      const [fewer] = await stats.rows(ask(project, world, [], filter, { metrics: OVERVIEW_METRICS }));
      expect(expected).toMatchObject(toFigures(OVERVIEW_METRICS, fewer));
    }),
    { numRuns },
  ));

it('gives the rows of the reference for every dimension', () =>
  fc.assert(
    fc.asyncProperty(smallWorld(), worldFilter(), worldDimension(), async (world, filter, dimension) => {
      const project = await settle(world);
      const all = reference.seeEvents(world.blocks.flat(), world.links);
      const rows = await stats.rows(ask(project, world, by(dimension), filter));
      expect(figures(rows)).toEqual(reference.breakdown(all, world.range, dimension, filter));
    }),
    { numRuns },
  ));

it('gives the buckets of the reference for every zone and interval', () =>
  fc.assert(
    fc.asyncProperty(smallWorld(), worldFilter(), fc.constantFrom(...INTERVALS), async (world, filter, interval) => {
      const project = await settle(world);
      const all = reference.seeEvents(world.blocks.flat(), world.links);
      const rows = await stats.rows(ask(project, world, [{ kind: 'time', interval }], filter));
      const named = figures(rows, ({ groups }) => reference.bucketName(Number(groups[0]), world.zone, interval));
      expect(named).toEqual(reference.timeseries(all, world.range, world.zone, interval, filter));
    }),
    { numRuns },
  ));

it('leaves out what is older than events are kept, as if it were gone', () =>
  fc.assert(
    fc.asyncProperty(
      smallWorld(),
      worldFilter(),
      fc.integer({ min: -26 * 60, max: 50 * 60 }),
      async (world, filter, after) => {
        const project = await settle(world);
        const since = world.range.from + after * 60_000;
        const kept = world.blocks.flat().filter(({ ts }) => ts >= since);
        const [row] = await stats.rows(ask(project, world, [], filter, { since }));
        const all = reference.seeEvents(kept, world.links);
        const expected = reference.overview(all, world.range, filter);
        expect(toFigures(METRICS, row)).toEqual(expected);
        const [fewer] = await stats.rows(ask(project, world, [], filter, { since, metrics: OVERVIEW_METRICS }));
        expect(expected).toMatchObject(toFigures(OVERVIEW_METRICS, fewer));
      },
    ),
    { numRuns },
  ));

it('says of parts of a sample in one pass what it says in several', () =>
  fc.assert(
    fc.asyncProperty(smallWorld(), worldFilter(), fc.constantFrom(1, 2), async (world, filter, of) => {
      const sample = { of };
      const query = ask(await settle(world), world, [], filter, { metrics: OVERVIEW_METRICS });
      const plan = planOf(query);
      fc.pre(isOverview(query, plan));
      const run: RunQuery = (statement) => clickhouse.rows(statement);
      const scan = await findSessionScan(run, query.project, query.range, sample);
      const rows = async (statement: Sql): Promise<unknown[]> =>
        (await run<{ part: number }>(statement)).sort((a, b) => a.part - b.part);
      const reading = { scan, sample, spread: 4 };
      expect(await rows(overviewSql(query, reading))).toEqual(await rows(statsSql(query, plan, reading)));
    }),
    { numRuns },
  ));

it('reads beside a short range the same sessions whether its visitors are listed or looked up', () =>
  fc.assert(
    fc.asyncProperty(smallWorld(), fc.nat(6), async (world, hours) => {
      const project = await settle(world);
      const from = world.range.from + hours * HOUR_MS;
      const range = { from, to: from + HOUR_MS };
      const listed = await findSessionScan((statement) => clickhouse.rows(statement), project, range);
      expect(listed.related).toBeInstanceOf(Array);
      const read = (sessions: SessionScan): Promise<unknown[]> =>
        clickhouse.rows(sql`
          SELECT toString(event_id) AS id, toString(identity) AS who, toString(session_began) AS began, session_events, entry_page
          FROM ${eventSource({ project, range, sessions }, { identity: true, sessions: true, ends: true })}
          WHERE ${during(range)}
          ORDER BY id`);
      expect(await read({ ...listed, related: { seenIn: range } })).toEqual(await read(listed));
    }),
    { numRuns },
  ));

it('says in each row of a breakdown what the overview says with that value as a filter', () =>
  fc.assert(
    fc.asyncProperty(smallWorld(), worldFilter(), worldDimension(), async (world, filter, dimension) => {
      const project = await settle(world);
      const query = ask(project, world, by(dimension), filter);
      for (const row of (await stats.rows(query)).slice(0, 5)) {
        const value = parseFilter(['is', dimension, [row.groups[0]]]);
        const [alone] = await stats.rows(question({ ...query, groupings: [], filter: allOf(query.filter, value) }));
        expect(alone?.values).toEqual(row.values);
      }
    }),
    { numRuns: Math.ceil(numRuns / 4) },
  ));

/** Reads a question three rows at a time, by the cursors that a client would send. */
const walk = async (query: StatsQuery): Promise<StatsRow[]> => {
  const walked: StatsRow[] = [];
  let after: readonly SortValue[] | undefined;
  do {
    const page = await stats.rows(question({ ...query, limit: 3, after }));
    walked.push(...page);
    const last = page.at(-1);
    after = last && readCursor(encodeCursor([...sortValues(query, last), 0, 1]), query).after;
  } while (after !== undefined);
  return walked;
};

const sortable = (): fc.Arbitrary<string> => fc.constantFrom(...METRICS.filter((name) => metricOf(name).sortable));

it('walks a breakdown page by page over every row once, in order, rows without a value last', () =>
  fc.assert(
    fc.asyncProperty(
      smallWorld(),
      worldDimension(),
      sortable(),
      fc.boolean(),
      async (world, dimension, metric, down) => {
        const project = await settle(world);
        const order = [
          { column: { metric: 0 }, descending: down },
          { column: { grouping: 0 }, descending: false },
        ];
        const query = ask(project, world, by(dimension), undefined, { order, metrics: [metric] });
        const whole = await stats.rows(query);
        expect(await walk(query)).toEqual(whole);
        const values = whole.map((row) => row.values[0] as number | null);
        const given = values.filter((value) => value !== null);
        const sorted = given.toSorted((a, b) => (down ? b - a : a - b));
        expect(values).toEqual([...sorted, ...values.filter((value) => value === null)]);
      },
    ),
    { numRuns: Math.ceil(numRuns / 4) },
  ));

it('walks groups of time and dimensions, and finds the same groups in another range', () =>
  fc.assert(
    fc.asyncProperty(smallWorld(), worldDimension(), worldDimension(), sortable(), async (world, one, two, metric) => {
      const project = await settle(world);
      const groupings: Grouping[] = [...by(one), ...by(two)];
      const order: SortBy[] = [
        { column: { metric: 0 }, descending: true },
        { column: { grouping: 1 }, descending: true },
        { column: { grouping: 0 }, descending: false },
      ];
      const query = ask(project, world, groupings, undefined, { order, metrics: [metric] });
      const whole = await stats.rows(query);
      expect(await walk(query)).toEqual(whole);

      const timed = { ...query, groupings: [{ kind: 'time', interval: 'day' } as const, ...by(two)] };
      expect(await walk(timed)).toEqual(await stats.rows(timed));

      const range = { from: world.range.from - 86_400_000, to: world.range.from };
      const all = reference.seeEvents(world.blocks.flat(), world.links);
      // Of no groups at all nobody asks.
      const then = whole.length === 0 ? [] : await stats.rows(sameGroups(query, whole, range));
      const named = reference.grouped(all, range, undefined, (event) => {
        const values = [reference.valueOf(event, one), reference.valueOf(event, two)];
        return values.includes(undefined) ? undefined : JSON.stringify(values);
      });
      expect(inOrderOf(whole, then, [metric]).map(({ values }) => values[0])).toEqual(
        whole.map(({ groups }) => named.get(JSON.stringify(groups))?.[metric] ?? metricOf(metric).zero()),
      );
      expect(then.length).toBeLessThanOrEqual(whole.length);
    }),
    { numRuns: Math.ceil(numRuns / 4) },
  ));
