// Does a sample that is read from copies hold what it holds in the events, row for row? Over random worlds with late and repeated events,
// links, ties and deletions, copied in part, and before some of it came. STATS_RUNS=500 tries more worlds than a usual run does.
import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { Cell, RollupSnapshot, RollupSnapshots } from '../../src/aggregation';
import { CopyStore } from '../../src/aggregation/copies/copy-store';
import { DAY_MS, floorTo, HOUR_MS, overlaps, QUARTER_MS } from '../../src/common/time-range';
import { readEnv, StoreUrls } from '../../src/config/env';
import { COPIED, eventSource, findSessionScan, parseFilter, PLAIN, type Sample } from '../../src/events/query';
import { figuresSql } from '../../src/funnels/answer/figures.queries';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { ident, join, sql, type Sql } from '../../src/platform/clickhouse/sql';
import { tallySql } from '../../src/stats/journeys/journeys.queries';
import { cohortsSql } from '../../src/stats/retention/retention.queries';
import { OVERVIEW_METRICS } from '../../src/stats/metrics';
import { isOverview, overviewSql } from '../../src/stats/overview.queries';
import { planOf } from '../../src/stats/stats.plan';
import { statsSql } from '../../src/stats/stats.queries';
import { question } from '../../src/stats/stats.request';
import { Volumes } from '../../src/stats/volumes';
import { aClickHouseDatabase } from '../support';
import { EVENT_COLUMNS, LINK_COLUMNS, linkRowsOf, rowsOf, smallWorld, type World, worldFilter } from '../support/world';

const numRuns = Number(process.env.STATS_RUNS ?? 8);
jest.setTimeout(900_000);

let clickhouse: ClickHouse;
let store: CopyStore;
let lastProject = 0;
let lastVersion = 0;

beforeAll(async () => {
  const url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined);
  clickhouse = new ClickHouse(readEnv({ LOG_LEVEL: 'silent' }), new StoreUrls('', url));
  store = new CopyStore(clickhouse);
});
afterAll(() => clickhouse.onApplicationShutdown());

/** What of a world is copied, and what happens after that. */
interface Copying {
  /** Quarter hours after the beginning of the world where cells end. */
  readonly cuts: readonly number[];
  /** Which cells have no copy. */
  readonly without: number;
  /** Which events come after the copies were made. */
  readonly later: number;
  /** Copies hold one of so many visitors, and a question reads one of so many. */
  readonly copyOf: number;
  readonly sample: number;
  /** Whose events are deleted after the copies were made, by the place of the event. */
  readonly deleted: number | undefined;
}

const copying = (): fc.Arbitrary<Copying> =>
  fc.record({
    cuts: fc.array(fc.integer({ min: 1, max: 6 * 96 }), { minLength: 1, maxLength: 8 }),
    without: fc.integer({ min: 2, max: 4 }),
    later: fc.constantFrom(0, 3, 7),
    copyOf: fc.constantFrom(1, 1, 2),
    sample: fc.constantFrom(1, 2, 4),
    deleted: fc.option(fc.nat(30), { nil: undefined }),
  });

/** Some of the world's visitors have low hashes, so that a sample holds some and not others. */
const lower = (hash: string): string => (/[13]$/.test(hash) ? hash.replace(/^[ef]/, '1') : hash);
const lowered = (world: World): World => ({
  ...world,
  blocks: world.blocks.map((block) =>
    block.map((event) => ({ ...event, visitor: lower(event.visitor), user: lower(event.user) })),
  ),
  links: world.links.map((link) => ({ ...link, visitor: lower(link.visitor), user: lower(link.user) })),
});

/** A project of its own, copied as it is said; what changed since is stale, as whoever changes it says. */
async function settle(world: World, { cuts, without, later, copyOf, deleted }: Copying) {
  const project = (lastProject += 1);
  const insert = (table: string, columns: readonly string[], body: string): Promise<void> =>
    body === '' ? Promise.resolve() : clickhouse.insert({ table, columns, body, token: randomUUID() });
  const events = world.blocks.flat();
  const isLater = (at: number): boolean => later > 0 && at % later === 0;
  await insert('visitor_links', LINK_COLUMNS, linkRowsOf(project, world.links));
  await insert(
    'events',
    EVENT_COLUMNS,
    rowsOf(
      project,
      events.filter((_, at) => !isLater(at)),
    ),
  );
  const begin = floorTo(world.range.from - 2 * DAY_MS, HOUR_MS);
  const ends = [...new Set([0, ...cuts])].sort((a, b) => a - b).map((cut) => begin + cut * QUARTER_MS);
  const cells: Cell[] = [];
  for (const [at, from] of ends.slice(0, -1).entries()) {
    const range = { from, to: ends[at + 1] ?? from };
    const version = (lastVersion += 1);
    if (at % without !== 0) await store.write({ project, range, of: copyOf, version, sequences: true });
    cells.push({
      ...range,
      version,
      events: 1,
      detailed: true,
      skipped: [],
      copy: at % without === 0 ? undefined : { version, of: copyOf, sequences: true },
    });
  }
  await insert(
    'events',
    EVENT_COLUMNS,
    rowsOf(
      project,
      events.filter((_, at) => isLater(at)),
    ),
  );
  const changed = events.filter((_, at) => isLater(at)).map(({ ts }) => ts);
  const gone = deleted === undefined ? undefined : events[deleted]?.visitor;
  if (gone !== undefined) {
    await clickhouse.run(
      `DELETE FROM events WHERE project_id = ${project} AND visitor_id = ${BigInt(`0x${gone}`)} SETTINGS lightweight_deletes_sync = 2`,
    );
    changed.push(...events.filter(({ visitor }) => visitor === gone).map(({ ts }) => ts));
  }
  const quarters = [...new Set(changed.map((ts) => floorTo(ts, QUARTER_MS)))].sort((a, b) => a - b);
  const stale = quarters.map((from) => ({ from, to: from + QUARTER_MS }));
  return { project, snapshot: { horizon: ends.at(-1) ?? 0, openFrom: 0, revision: 1, cells, months: [], stale } };
}

/** The sample as a reader finds it, and the same without copies. */
async function samples(
  world: World,
  project: number,
  snapshot: RollupSnapshot,
  of: number,
): Promise<{ copied: Sample; plain: Sample }> {
  const snapshots = {
    of: async (_project: number, _zone: string, range: { from: number; to: number }) => ({
      ...snapshot,
      cells: snapshot.cells.filter((cell) => overlaps(cell, range)),
    }),
  } as unknown as RollupSnapshots;
  const volumes = new Volumes(snapshots);
  volumes.shortestMs = 0;
  const copied = (await volumes.of(project, 'UTC', world.range)).sample(of);
  if (copied === undefined) throw new Error('A sample was asked for');
  return { copied, plain: { of } };
}

const rowsIn = (query: Sql): Promise<unknown[]> => clickhouse.rows(query);

let compared = 0;
const laws = (check: (world: World, project: number, copied: Sample, plain: Sample) => Promise<void>) =>
  fc.assert(
    fc.asyncProperty(smallWorld().map(lowered), copying(), async (world, how) => {
      const { project, snapshot } = await settle(world, how);
      const { copied, plain } = await samples(world, project, snapshot, how.sample);
      if (copied.copies === undefined) return;
      compared += 1;
      await check(world, project, copied, plain);
    }),
    { numRuns, endOnFailure: true },
  );

it('holds the same events, with all that a question can name, also of sessions that reach out of its range', async () => {
  let rows = 0;
  await laws(async (world, project, copied, plain) => {
    const columns = join(COPIED.filter((name) => name !== 'event_id').map(ident), ', ');
    for (const range of [world.range, { from: world.range.from - 9 * DAY_MS, to: world.range.to + 9 * DAY_MS }]) {
      const read = (sample: Sample) =>
        rowsIn(sql`SELECT ${columns} FROM ${eventSource({ project, range, sample }, PLAIN)} ORDER BY ALL`);
      const expected = await read(plain);
      expect(await read(copied)).toEqual(expected);
      rows += expected.length;
    }
    const run = <T>(query: Sql): Promise<T[]> => clickhouse.rows<T>(query);
    expect(await findSessionScan(run, project, world.range, copied)).toEqual(
      await findSessionScan(run, project, world.range, plain),
    );
  });
  expect([compared, rows].every((count) => count > 0)).toBe(true);
});

it('is answered the same: figures, funnels, journeys and cohorts', async () => {
  await fc.assert(
    fc.asyncProperty(smallWorld().map(lowered), copying(), worldFilter(), async (world, how, filter) => {
      const { project, snapshot } = await settle(world, how);
      const { copied, plain } = await samples(world, project, snapshot, how.sample);
      const { range, zone } = world;
      const run = <T>(query: Sql): Promise<T[]> => clickhouse.rows<T>(query);
      const scan = await findSessionScan(run, project, range, plain);
      const parsed = filter === undefined ? {} : { filter: parseFilter(filter) };
      const asked = { project, range, timezone: zone, metrics: OVERVIEW_METRICS, order: [], ...parsed };
      const overview = question({ ...asked, groupings: [] });
      const pages = question({ ...asked, groupings: [{ kind: 'value', dimension: 'exitPage' }] });
      const step = (event: string) => ({
        name: event,
        target: parseFilter(['is', 'event', [event]]),
        optional: false,
      });
      const statements = (sample: Sample): Sql[] => [
        isOverview(overview, planOf(overview))
          ? overviewSql(overview, { scan, sample, spread: 4 })
          : statsSql(overview, planOf(overview), { scan, sample, spread: 4 }),
        statsSql(pages, planOf(pages), { scan, sample }),
        figuresSql(
          {
            project,
            range,
            timezone: zone,
            steps: [step('pageview'), step('signup')],
            mode: 'ordered',
            windowMs: DAY_MS,
            countBy: 'visitor',
            exclusions: [],
            holdConstant: [],
            breakdown: { dimension: 'country', attribution: 'first', step: 1, limit: 2 },
          },
          { sample },
        ),
        tallySql(
          { project, range, by: 'page', unit: 'session', repeats: 'keep', steps: 4, groups: [], limit: 20, ...parsed },
          { scan, sample },
        ),
        cohortsSql(
          {
            project,
            homeZone: zone,
            range,
            timezone: zone,
            length: 'day',
            periods: { starts: [0, 1, 2, 3].map((days) => range.from + days * DAY_MS), rows: 3 },
            now: range.to,
            columns: 2,
            mode: 'on',
            breakdown: { dimension: 'page', limit: 2 },
          },
          { sample, scan },
          ['=/', '=/a'],
        ),
      ];
      const lines = (rows: unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort();
      const others = statements(plain);
      for (const [at, statement] of statements(copied).entries())
        expect(lines(await rowsIn(statement))).toEqual(lines(await rowsIn(others[at] ?? sql``)));
    }),
    { numRuns, endOnFailure: true },
  );
});

it('is known to be wrong where a row is missing, twice there, or another one', async () => {
  const project = (lastProject += 1);
  const from = Date.UTC(2026, 3, 7);
  const ids = [1, 2, 3].map((id) => `00000000-0000-4000-8000-00000000000${id}`);
  const body = ids
    .map((id, at) =>
      JSON.stringify([
        project,
        new Date(from + at).toISOString().replace('T', ' ').slice(0, 23),
        '2026-04-07 00:00:00.000',
        0,
        id,
        'pageview',
        String(at + 1),
        '0',
        '0',
        '/',
        '',
        '0',
        '',
        {},
      ]),
    )
    .join('\n');
  await clickhouse.insert({ table: 'events', columns: EVENT_COLUMNS, body, token: randomUUID() });
  const copy = { project, range: { from, to: from + DAY_MS }, version: (lastVersion += 1), of: 1, sequences: false };
  await store.write(copy);
  expect(await store.isRight(copy)).toBe(true);
  // Of no version, and of one that is not the cell's.
  expect(await store.isRight({ ...copy, version: copy.version + 1_000_000 })).toBe(false);
  expect(await store.isRight({ ...copy, range: { from: from + 1, to: from + DAY_MS } })).toBe(true);
  await store.write(copy);
  expect(await store.isRight(copy)).toBe(false);
  await clickhouse.run(
    `ALTER TABLE sampled_events DELETE WHERE project_id = ${project} AND visitor_id = 2 SETTINGS mutations_sync = 2`,
  );
  expect(await store.isRight(copy)).toBe(false);
});

it.each([
  { says: 'another time', change: '`event.at` = arrayMap(at -> at + 1, event.at)' },
  { says: 'an event less', change: '`event.at` = [], `event.tie` = [], `event.name` = [], `event.path` = []' },
  { says: 'another name', change: "`event.name` = ['another']" },
  { says: 'another page', change: "`event.path` = ['/wrong']" },
  { says: 'another user', change: 'user_id = 7' },
  { says: 'another currency', change: "`paid.currency` = arrayMap(one -> 'USD', paid.currency)" },
  { says: 'another amount', change: '`paid.revenue` = arrayMap(one -> one + 1, paid.revenue)' },
])('is known to be wrong where a sequence says $says', async ({ change }) => {
  const project = (lastProject += 1);
  const from = Date.UTC(2026, 3, 7);
  const [world] = fc.sample(smallWorld(), { numRuns: 1, seed: 3 });
  const [event] = world?.blocks.flat() ?? [];
  if (event === undefined) throw new Error('The world is empty');
  const money = { revenue: 10_000, currency: 'EUR' };
  const rows = [1, 2].map((at) => ({ ...event, ...money, id: randomUUID(), ts: from + at * 1_000, receivedAt: from }));
  await clickhouse.insert({
    table: 'events',
    columns: EVENT_COLUMNS,
    body: rowsOf(
      project,
      rows.map((row, at) => ({ ...row, visitor: `f00000000000000${at}`, user: '' })),
    ),
    token: randomUUID(),
  });
  const version = (lastVersion += 1);
  const copy = { project, range: { from, to: from + DAY_MS }, version, of: 1, sequences: true };
  await store.write(copy);
  expect(await store.isRight(copy)).toBe(true);
  expect(await store.isRight({ ...copy, version: version + 1_000_000 })).toBe(false);
  await clickhouse.run(
    `ALTER TABLE event_sequences UPDATE ${change} WHERE version = ${version} AND visitor_id = ${BigInt('0xf000000000000001')} SETTINGS mutations_sync = 2`,
  );
  expect(await store.isRight(copy)).toBe(false);
  expect(await store.isRight({ ...copy, sequences: false })).toBe(true);
});
