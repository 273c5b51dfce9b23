// Are the figures right? Against the plain-TypeScript reference, over random worlds, on the real engine.
// STATS_RUNS=500 tries more worlds than a usual run does.
import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { INTERVALS } from '../../src/common/buckets';
import { readEnv, StoreUrls } from '../../src/config/env';
import { allOf, parseFilter } from '../../src/events/query';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { METRICS } from '../../src/stats/metrics';
import { StatsRepository } from '../../src/stats/stats.repository';
import { question, readCursor } from '../../src/stats/stats.request';
import { sortValues, toFigures } from '../../src/stats/stats.result';
import type { Grouping, StatsQuery, StatsRow } from '../../src/stats/stats.types';
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

const numRuns = Number(process.env.STATS_RUNS ?? 20);

let clickhouse: ClickHouse;
let stats: StatsRepository;
let lastProject = 0;

beforeAll(async () => {
  const url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined);
  clickhouse = new ClickHouse(readEnv({ LOG_LEVEL: 'silent' }), new StoreUrls('', url));
  stats = new StatsRepository(clickhouse);
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
      expect(toFigures(METRICS, row)).toEqual(reference.overview(all, world.range, filter));
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

it('says in each row of a breakdown what the overview says with that value as a filter', () =>
  fc.assert(
    fc.asyncProperty(smallWorld(), worldFilter(), worldDimension(), async (world, filter, dimension) => {
      const project = await settle(world);
      const query = ask(project, world, by(dimension), filter);
      for (const row of await stats.rows(query)) {
        const value = parseFilter(['is', dimension, [row.groups[0]]]);
        const [alone] = await stats.rows(question({ ...query, groupings: [], filter: allOf(query.filter, value) }));
        expect(alone?.values).toEqual(row.values);
      }
    }),
    { numRuns: Math.ceil(numRuns / 4) },
  ));

it('walks a breakdown page by page over every row once, in order', () =>
  fc.assert(
    fc.asyncProperty(
      smallWorld(),
      worldDimension(),
      fc.constantFrom(...METRICS.filter((name) => name !== 'revenue')),
      fc.boolean(),
      async (world, dimension, metric, descending) => {
        const project = await settle(world);
        const order = [
          { column: { metric: METRICS.indexOf(metric) }, descending },
          { column: { grouping: 0 }, descending: false },
        ];
        const query = ask(project, world, by(dimension), undefined, { order });
        const whole = await stats.rows(query);
        const walked: StatsRow[] = [];
        let after: readonly (string | number)[] | undefined;
        do {
          const page = await stats.rows(question({ ...query, limit: 2, after }));
          walked.push(...page);
          const last = page.at(-1);
          // As a client gives it back: through the text of a cursor.
          const values = last && [...sortValues(query, last), 0, 1];
          after = values && readCursor(Buffer.from(JSON.stringify(values)).toString('base64url'), order).after;
        } while (after !== undefined);
        expect(walked).toEqual(whole);
      },
    ),
    { numRuns: Math.ceil(numRuns / 4) },
  ));
