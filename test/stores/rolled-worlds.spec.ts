// Are answers from derived rows right, whatever is sealed, open, late or cut? Against the plain-TypeScript reference, over random worlds.
// STATS_RUNS=500 tries more worlds than a usual run does.
import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { bucketStarts, INTERVALS } from '../../src/common/buckets';
import { DAY_MS, floorTo, HOUR_MS, MINUTE_MS, QUARTER_MS, type TimeRange } from '../../src/common/time-range';
import { readEnv, StoreUrls } from '../../src/config/env';
import {
  type Cell,
  type RollingDay,
  ROLLUP_DIMENSIONS,
  type RollupSnapshot,
  type RollupSnapshots,
} from '../../src/aggregation';
import { AggregationOptions } from '../../src/aggregation/aggregation.options';
import {
  dimensionsOf,
  MONTH_SIZES,
  type MonthSizes,
  monthTotalDifferences,
  monthValueDifferences,
  storeTotals,
  storeValues,
} from '../../src/aggregation/months/months.queries';
import { rollingStarts, rollingVisitors } from '../../src/aggregation/rolling/rolling.queries';
import { RollupStore } from '../../src/aggregation/rollup-store';
import { ChangeTimes } from '../../src/events';
import { parseFilter } from '../../src/events/query';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { OVERVIEW_METRICS } from '../../src/stats/metrics';
import { RolledRepository } from '../../src/stats/rolled/rolled.repository';
import { toStatsRow } from '../../src/stats/stats.repository';
import { question } from '../../src/stats/stats.request';
import { toFigures } from '../../src/stats/stats.result';
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
  type World,
} from '../support/world';

// A world is some ten cells, each a dozen statements.
const numRuns = Number(process.env.STATS_RUNS ?? 6);
/** A world takes a second: to look for the smallest one would take longer than a test may. */
const settings = { numRuns, endOnFailure: true };
jest.setTimeout(900_000);

let clickhouse: ClickHouse;
let store: RollupStore;
let lastProject = 0;
let lastVersion = 0;
/** What was counted across the end of each cell, by its version. */
const rolling = new Map<number, number[]>();

beforeAll(async () => {
  const url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined);
  const env = readEnv({ LOG_LEVEL: 'silent' });
  clickhouse = new ClickHouse(env, new StoreUrls('', url));
  const options = new AggregationOptions(new ChangeTimes(env));
  options.fewestEvents = 1;
  store = new RollupStore(clickhouse, options);
});
afterAll(() => clickhouse.onApplicationShutdown());

/** How much of a world is derived. */
interface Sealing {
  /** From the beginning of the range; the horizon is the quarter hour before. */
  readonly horizon: number;
  /** Which events are stored after the cells were computed: those before the horizon are late. */
  readonly later: number;
  /** Where the last day is cut into cells. */
  readonly cuts: readonly number[];
}

const sealing = (): fc.Arbitrary<Sealing> =>
  fc.record({
    horizon: fc.integer({ min: HOUR_MS / 2, max: 4 * DAY_MS }),
    later: fc.constantFrom(0, 0, 3, 7),
    cuts: fc.array(fc.integer({ min: 1, max: 95 }), { maxLength: 2 }),
  });

const quarterBefore = (at: number): number => floorTo(at, QUARTER_MS);

/** A project of its own with a world's events, derived as far as the sealing says. */
async function settle(
  world: World,
  { horizon: after, later, cuts }: Sealing,
  sizes = MONTH_SIZES,
): Promise<{ project: number; snapshot: RollupSnapshot }> {
  const project = (lastProject += 1);
  const horizon = quarterBefore(world.range.from + after);
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
  const cells = await derive(project, world, horizon, cuts);
  const openFrom = await store.openFrom(project, horizon);
  await insert(
    'events',
    EVENT_COLUMNS,
    rowsOf(
      project,
      events.filter((_, at) => isLater(at)),
    ),
  );
  const late = events.filter(({ ts }, at) => isLater(at) && ts < horizon).map(({ ts }) => quarterBefore(ts));
  const stale = [...new Set(late)].sort((a, b) => a - b).map((from) => ({ from, to: from + QUARTER_MS }));
  return {
    project,
    snapshot: { horizon, openFrom, revision: 1, cells, months: await addUp(project, cells, sizes), stale },
  };
}

async function derive(project: number, world: World, horizon: number, cuts: readonly number[]): Promise<Cell[]> {
  const times = world.blocks
    .flat()
    .map(({ ts }) => ts)
    .filter((ts) => ts < horizon);
  if (times.length === 0) return [];
  const held: TimeRange = { from: Math.min(...times) - 2 * DAY_MS, to: horizon };
  const days = bucketStarts(held, 'day', world.zone, 1_000) ?? [];
  const cells: Cell[] = [];
  for (const [at, from] of days.entries()) {
    const to = days[at + 1] ?? horizon;
    const isLast = to === horizon;
    // The first day of the range is cut by it; nothing is in there.
    if (at === 0) continue;
    const inside = isLast ? cuts.map((cut) => from + cut * QUARTER_MS).filter((cut) => cut < to) : [];
    const ends = [...new Set([from, ...inside, to])].sort((a, b) => a - b);
    for (const [index, begin] of ends.slice(0, -1).entries()) {
      const range = { from: begin, to: ends[index + 1] ?? to };
      if (range.to <= range.from || !times.some((ts) => ts >= range.from && ts < range.to)) continue;
      const version = (lastVersion += 1);
      cells.push({ ...range, version, ...(await store.write({ project, range, cut: horizon, version })) });
    }
  }
  return Promise.all(cells.map((cell, at) => countRolling(project, cell, cells[at + 1])));
}

/** What the chore does of two days, one after the other. */
async function countRolling(project: number, cell: Cell, next: Cell | undefined): Promise<Cell> {
  if (next === undefined || next.from !== cell.to) return cell;
  if ([cell, next].some(({ from, to }) => to - from < 20 * HOUR_MS)) return cell;
  const pair = { project, cell, next };
  const starts = rollingStarts(pair);
  const rows = await clickhouse.rows<{ at: number; found: number }>(rollingVisitors(pair, starts));
  const visitors = new Map(rows.map(({ at, found }) => [at * 1_000, found]));
  rolling.set(
    cell.version,
    starts.map((at) => visitors.get(at) ?? 0),
  );
  return { ...cell, rollingNext: next.version };
}

/** What the chore does of a month, of the first days of a world. */
async function addUp(project: number, all: readonly Cell[], sizes: MonthSizes): Promise<Cell[]> {
  const some = all.slice(0, 3);
  const [first, last] = [some[0], some.at(-1)];
  if (first === undefined || last === undefined || some.length < 2) return [];
  const range = { from: first.from, to: last.to };
  const month = { project, range, cells: some.map(({ version }) => version) };
  const found = await clickhouse.rows<{ dimension: string; kept: string }>(dimensionsOf(month, sizes));
  const names = (of: string) => found.filter(({ kept }) => kept === of).map(({ dimension }) => dimension);
  const kept = { whole: names('whole'), counted: names('counted'), first: sizes.first };
  const version = (lastVersion += 1);
  await clickhouse.run(storeTotals(month, version));
  await clickhouse.run(storeValues(month, version, kept));
  expect(await clickhouse.rows(monthTotalDifferences(month, version))).toEqual([]);
  expect(await clickhouse.rows(monthValueDifferences(month, version, kept))).toEqual([]);
  const events = some.reduce((sum, cell) => sum + cell.events, 0);
  const skipped = [...kept.counted, ...names('no')];
  return [{ ...range, version, events, detailed: true, skipped, counted: kept.counted }];
}

let daysTaken = 0;
const takeDays = async (_project: number, days: readonly RollingDay[]): Promise<Map<number, number>> => {
  const found = days.flatMap(({ from, cell }) => {
    const visitors = rolling.get(cell.version)?.[(from - cell.from) / QUARTER_MS];
    return visitors === undefined ? [] : [[from, visitors] as const];
  });
  daysTaken += found.length;
  return new Map(found);
};

const ask = (
  project: number,
  world: World,
  groupings: readonly Grouping[],
  more: Partial<StatsQuery> = {},
): StatsQuery =>
  question({
    project,
    range: world.range,
    timezone: world.zone,
    metrics: OVERVIEW_METRICS,
    groupings,
    order: [],
    ...more,
  });

/** Rows from derived figures; undefined where nothing of the range is derived. */
async function rolled(query: StatsQuery, snapshot: RollupSnapshot): Promise<StatsRow[] | undefined> {
  const { range } = query;
  const overlapping = snapshot.cells.filter(({ from, to }) => from < range.to && to > range.from);
  const months = snapshot.months.filter(({ from, to }) => from >= range.from && to <= range.to);
  const snapshots = {
    of: async () => ({ ...snapshot, cells: overlapping, months }),
    revisionOf: async () => 1,
    rollingVisitors: takeDays,
  } as unknown as RollupSnapshots;
  const repository = new RolledRepository(snapshots);
  const answer = await repository.rows(query, query.timezone, (sql) => clickhouse.rows(sql));
  return answer?.rows.map((row) => toStatsRow(query, row));
}

const figures = (rows: readonly StatsRow[], nameOf = ({ groups }: StatsRow): string => String(groups[0])) =>
  new Map(rows.map((row) => [nameOf(row), toFigures(OVERVIEW_METRICS, row)]));

const only = (all: reference.Figures): Record<string, unknown> =>
  Object.fromEntries(OVERVIEW_METRICS.map((name) => [name, all[name as keyof reference.Figures]]));
const onlyEach = (all: ReadonlyMap<string, reference.Figures>): Map<string, Record<string, unknown>> =>
  new Map([...all].map(([name, row]) => [name, only(row)]));

it('gives totals of the reference', async () => {
  await fc.assert(
    fc.asyncProperty(smallWorld(), sealing(), async (world, sealed) => {
      const { project, snapshot } = await settle(world, sealed);
      const rows = await rolled(ask(project, world, []), snapshot);
      // Where nothing happened before the horizon there is nothing to answer from.
      fc.pre(rows !== undefined);
      const all = reference.seeEvents(world.blocks.flat(), world.links);
      expect(toFigures(OVERVIEW_METRICS, rows[0])).toEqual(only(reference.overview(all, world.range, undefined)));
    }),
    settings,
  );
});

const NOON = Date.UTC(2026, 3, 7, 12);
const anEvent = (
  id: number,
  hours: number,
  visitor: string,
  session: string,
  more: Partial<reference.RawEvent> = {},
): reference.RawEvent => ({
  id: `00000000-0000-4000-8000-00000000000${id}`,
  ts: NOON + hours * HOUR_MS,
  receivedAt: NOON + 3 * DAY_MS,
  seq: 0,
  name: 'pageview',
  path: '/',
  country: 'DE',
  visitor,
  user: '',
  session,
  properties: {},
  revenue: 0,
  currency: '',
  ...more,
});

it('keeps a currency whose amounts come to nothing', async () => {
  const money = (id: number, revenue: number, currency: string) =>
    anEvent(id, id, 'f000000000000001', '', { revenue, currency });
  const blocks = [[money(1, 0, 'EUR'), money(2, 50_000, 'USD'), money(3, -50_000, 'USD'), money(4, 10_000, 'CHF')]];
  const world = { zone: 'UTC', range: { from: NOON - 12 * HOUR_MS, to: NOON + DAY_MS }, blocks, links: [] };
  const { project, snapshot } = await settle(world, { horizon: 3 * DAY_MS, later: 0, cuts: [] });
  const rows = await rolled(ask(project, world, [{ kind: 'value', dimension: 'country' }]), snapshot);
  expect(toFigures(OVERVIEW_METRICS, rows?.[0])).toMatchObject({
    revenue: [
      { currency: 'CHF', amount: '1.00' },
      { currency: 'EUR', amount: '0.00' },
      { currency: 'USD', amount: '0.00' },
    ],
  });
});

it('counts a session once which a late event joins over the horizon', async () => {
  const [guest, session] = ['f000000000000001', 'd000000000000001'];
  const late = anEvent(1, 2, guest, session);
  const rest = [anEvent(2, 0, 'f000000000000002', ''), anEvent(3, 25, guest, session), anEvent(4, 26, guest, session)];
  const range = { from: NOON - HOUR_MS, to: NOON + 2 * DAY_MS };
  const world = { zone: 'UTC', range, blocks: [[late, ...rest]], links: [] };
  // The first event comes after everything before the horizon, 18 hours later, was derived.
  const { project, snapshot } = await settle(world, { horizon: 21 * HOUR_MS, later: 7, cuts: [] });
  const rows = await rolled(ask(project, world, []), snapshot);
  expect(toFigures(OVERVIEW_METRICS, rows?.[0])).toMatchObject({
    sessions: 2,
    sessionDuration: 12 * 3_600,
    viewsPerSession: 2,
  });
});

it('names the page that a session ends with after the horizon, and takes it from the one before', async () => {
  const [guest, session] = ['f000000000000001', 'd000000000000001'];
  const before = anEvent(3, -48, 'f000000000000002', '', { path: '/other' });
  const blocks = [[before, anEvent(1, 0, guest, session), anEvent(2, 3, guest, session, { path: '/end' })]];
  const exits = async (to: number): Promise<unknown> => {
    const world = { zone: 'UTC', range: { from: NOON - 60 * HOUR_MS, to: NOON + to * HOUR_MS }, blocks, links: [] };
    const { project, snapshot } = await settle(world, { horizon: 62 * HOUR_MS, later: 0, cuts: [] });
    const rows = (await rolled(ask(project, world, [{ kind: 'value', dimension: 'exitPage' }]), snapshot)) ?? [];
    const all = reference.seeEvents(blocks.flat(), []);
    expect(figures(rows)).toEqual(onlyEach(reference.breakdown(all, world.range, 'exitPage', undefined)));
    const filter = ['is', 'exitPage', ['/end']] as reference.JsonFilter;
    const [total] = (await rolled(ask(project, world, [], { filter: parseFilter(filter) }), snapshot)) ?? [];
    expect(toFigures(OVERVIEW_METRICS, total)).toEqual(only(reference.overview(all, world.range, filter)));
    return rows.length;
  };
  // The question goes on past the horizon, or ends before it.
  expect(await exits(12)).toBe(2);
  expect(await exits(2)).toBe(2);
});

it('counts a visitor of a day once who is there in what is derived and in what is not', async () => {
  const guest = 'f000000000000001';
  const range = { from: NOON - 12 * HOUR_MS, to: NOON + 12 * HOUR_MS };
  const byDay: Grouping[] = [{ kind: 'time', interval: 'day' }];
  const onPage = parseFilter(['is', 'page', ['/']]);
  const visitors = async (hours: readonly number[], sealed: Sealing): Promise<unknown[]> => {
    const blocks = [hours.map((hour, at) => anEvent(at, hour, guest, ''))];
    const world = { zone: 'UTC', range, blocks, links: [] };
    const { project, snapshot } = await settle(world, sealed);
    return Promise.all(
      [ask(project, world, byDay), ask(project, world, byDay, { filter: onPage })].map(async (query) =>
        (await rolled(query, snapshot))?.map(({ values }) => values[OVERVIEW_METRICS.indexOf('visitors')]),
      ),
    );
  };
  // Before the horizon and after it; late beside a cell that is not touched; and in two cells.
  expect(await visitors([0, 5], { horizon: 14 * HOUR_MS, later: 0, cuts: [] })).toEqual([[1], [1]]);
  expect(await visitors([-4, 3], { horizon: 20 * HOUR_MS, later: 2, cuts: [48] })).toEqual([[1], [1]]);
  expect(await visitors([-4, 3], { horizon: 20 * HOUR_MS, later: 0, cuts: [48] })).toEqual([[1], [1]]);
});

it('gives buckets of the reference in the project’s zone and in others', () =>
  fc.assert(
    fc.asyncProperty(
      smallWorld(),
      sealing(),
      fc.constantFrom(...INTERVALS.filter((interval) => interval !== 'minute')),
      fc.constantFrom(undefined, 'Asia/Kathmandu', 'America/New_York'),
      async (world, sealed, interval, other) => {
        const zone: string = other ?? world.zone;
        const { project, snapshot } = await settle(world, sealed);
        const rows = await rolled(ask(project, world, [{ kind: 'time', interval }], { timezone: zone }), snapshot);
        if (rows === undefined) return;
        const all = reference.seeEvents(world.blocks.flat(), world.links);
        const named = figures(rows, ({ groups }) => reference.bucketName(Number(groups[0]), zone, interval));
        expect(named).toEqual(onlyEach(reference.timeseries(all, world.range, zone, interval, undefined)));
      },
    ),
    settings,
  ));

/** One visitor each quarter hour, some of them again after 5 or 23 hours, through a change of the clock. */
it('gives days of another zone as the reference does, most of them by what was counted beforehand', async () => {
  const begin = Date.UTC(2026, 9, 23);
  const visit = (quarter: number, visitor: number): reference.RawEvent => ({
    ...anEvent(1, 0, `f${String(visitor).padStart(15, '0')}`, ''),
    id: `00000000-0000-4000-8000-${String(1_000 * quarter + visitor).padStart(12, '0')}`,
    ts: begin + quarter * QUARTER_MS,
  });
  const blocks = [
    Array.from({ length: 6 * 96 }, (_, quarter) =>
      [quarter, quarter - 20, quarter - 92]
        .filter((visitor, at) => visitor >= 0 && visitor % (3 * at + 1) === 0)
        .map((visitor) => visit(quarter, visitor)),
    ).flat(),
  ];
  const range = { from: begin + 7 * HOUR_MS, to: begin + 6 * DAY_MS };
  const all = reference.seeEvents(blocks.flat(), []);
  const sealed: Sealing = { horizon: 5 * DAY_MS, later: 0, cuts: [] };
  for (const [zone, other, days] of [
    ['UTC', 'America/New_York', 3],
    ['UTC', 'Asia/Kathmandu', 4],
    // The clock is put back on the 25th: of the project's days one is longer, or of the chart's, which is read from its hours.
    ['Europe/Berlin', 'Asia/Kathmandu', 4],
    ['UTC', 'Europe/Berlin', 3],
  ] as const) {
    const { project, snapshot } = await settle({ zone, range, blocks, links: [] }, sealed);
    daysTaken = 0;
    const world = { zone: other, range, blocks, links: [] };
    const rows = (await rolled(ask(project, world, [{ kind: 'time', interval: 'day' }]), snapshot)) ?? [];
    const named = figures(rows, ({ groups }) => reference.bucketName(Number(groups[0]), other, 'day'));
    expect(named).toEqual(onlyEach(reference.timeseries(all, range, other, 'day', undefined)));
    expect([zone, other, daysTaken]).toEqual([zone, other, days]);
  }
});

/** Dimensions that worlds vary and cells keep. */
const keptDimension = () =>
  worldDimension().filter((name) => name.startsWith('property:') || ROLLUP_DIMENSIONS.includes(name));

it('gives rows of the reference by value, and by value and day', () =>
  fc.assert(
    fc.asyncProperty(smallWorld(), sealing(), keptDimension(), async (world, sealed, dimension) => {
      const whole = { ...world, range: daysAround(world) };
      const { project, snapshot } = await settle(whole, sealed);
      const rows = await rolled(ask(project, whole, [{ kind: 'value', dimension }]), snapshot);
      if (rows === undefined) return;
      const all = reference.seeEvents(whole.blocks.flat(), whole.links);
      expect(figures(rows)).toEqual(onlyEach(reference.breakdown(all, whole.range, dimension, undefined)));
    }),
    settings,
  ));

it('gives the first pages of the reference, whether months have their states or the cells', async () => {
  let counted = 0;
  await fc.assert(
    fc.asyncProperty(
      smallWorld(),
      sealing(),
      fc.record({
        metric: fc.constantFrom('visitors', 'sessions', 'pageviews', 'events'),
        limit: fc.integer({ min: 1, max: 3 }),
        // So many pages have their states in a month, or all of them.
        first: fc.constantFrom(0, 1, 2, undefined),
      }),
      async (world, sealed, { metric, limit, first }) => {
        const whole = { ...world, range: daysAround(world) };
        const sizes = first === undefined ? MONTH_SIZES : { whole: 0, first, fewer: 0 };
        const { project, snapshot } = await settle(whole, sealed, sizes);
        if (snapshot.months.some((month) => month.counted?.includes('page'))) counted += 1;
        const by = { column: { metric: OVERVIEW_METRICS.indexOf(metric) }, descending: true };
        const order = [by, { column: { grouping: 0 }, descending: false }];
        const query = ask(project, whole, [{ kind: 'value', dimension: 'page' }], { order, limit });
        const rows = await rolled(query, snapshot);
        if (rows === undefined) return;
        const all = reference.seeEvents(whole.blocks.flat(), whole.links);
        const pages = [...onlyEach(reference.breakdown(all, whole.range, 'page', undefined))];
        const expected = pages
          .sort(([a, one], [b, other]) => Number(other[metric]) - Number(one[metric]) || (a < b ? -1 : 1))
          .slice(0, limit);
        expect([...figures(rows)]).toEqual(expected);
      },
    ),
    settings,
  );
  expect(counted).toBeGreaterThan(0);
});

it('gives the buckets of one value, as the filter says', () =>
  fc.assert(
    fc.asyncProperty(smallWorld(), sealing(), fc.constantFrom('/', '/a', '/b'), async (world, sealed, page) => {
      const whole = { ...world, range: daysAround(world) };
      const { project, snapshot } = await settle(whole, sealed);
      const filter = ['is', 'page', [page]] as reference.JsonFilter;
      const query = ask(project, whole, [{ kind: 'time', interval: 'day' }], { filter: parseFilter(filter) });
      const rows = await rolled(query, snapshot);
      if (rows === undefined) return;
      const all = reference.seeEvents(whole.blocks.flat(), whole.links);
      const named = figures(rows, ({ groups }) => reference.bucketName(Number(groups[0]), whole.zone, 'day'));
      expect(named).toEqual(onlyEach(reference.timeseries(all, whole.range, whole.zone, 'day', filter)));
    }),
    settings,
  ));

/** What a reader sees of a world whose events are shown from some moment on, in the middle of what is derived. */
const shownFrom = ({ range }: World, after: number): number => range.from + after * MINUTE_MS;
const seenSince = (world: World, since: number): ReturnType<typeof reference.seeEvents> =>
  reference.seeEvents(
    world.blocks.flat().filter(({ ts }) => ts >= since),
    world.links,
  );
const afterBegin = (): fc.Arbitrary<number> => fc.integer({ min: -26 * 60, max: 50 * 60 });

it('leaves out what is older than events are kept, as if it were gone', () =>
  fc.assert(
    fc.asyncProperty(smallWorld(), sealing(), afterBegin(), async (world, sealed, after) => {
      const { project, snapshot } = await settle(world, sealed);
      const since = shownFrom(world, after);
      const rows = await rolled(ask(project, world, [], { since }), snapshot);
      if (rows === undefined) return;
      expect(toFigures(OVERVIEW_METRICS, rows[0])).toEqual(
        only(reference.overview(seenSince(world, since), world.range, undefined)),
      );
      const byHour = await rolled(ask(project, world, [{ kind: 'time', interval: 'hour' }], { since }), snapshot);
      const named = figures(byHour ?? [], ({ groups }) => reference.bucketName(Number(groups[0]), world.zone, 'hour'));
      expect(named).toEqual(
        onlyEach(reference.timeseries(seenSince(world, since), world.range, world.zone, 'hour', undefined)),
      );
    }),
    settings,
  ));

it('leaves it out of rows by value too', () =>
  fc.assert(
    fc.asyncProperty(
      smallWorld(),
      sealing(),
      afterBegin(),
      keptDimension(),
      async (world, sealed, after, dimension) => {
        const whole = { ...world, range: daysAround(world) };
        const { project, snapshot } = await settle(whole, sealed);
        const since = shownFrom(whole, after);
        const rows = await rolled(ask(project, whole, [{ kind: 'value', dimension }], { since }), snapshot);
        if (rows === undefined) return;
        const all = seenSince(whole, since);
        expect(figures(rows)).toEqual(onlyEach(reference.breakdown(all, whole.range, dimension, undefined)));
      },
    ),
    settings,
  ));

it('finds no difference between what it stored and what it would store', () =>
  fc.assert(
    fc.asyncProperty(smallWorld(), sealing(), async (world, sealed) => {
      const { project, snapshot } = await settle(world, { ...sealed, later: 0 });
      for (const { from, to, version } of snapshot.cells)
        expect(await store.differs({ project, range: { from, to }, cut: snapshot.horizon, version })).toEqual([]);
    }),
    { numRuns: Math.ceil(numRuns / 5) },
  ));

/** Whole local days around a world's range: values are kept by day. */
const daysAround = ({ range, zone }: World): TimeRange => {
  const starts = bucketStarts({ from: range.from - 2 * DAY_MS, to: range.to + 2 * DAY_MS }, 'day', zone, 100) ?? [];
  return {
    from: starts.findLast((at) => at <= range.from) ?? range.from,
    to: starts.find((at) => at >= range.to) ?? range.to + HOUR_MS,
  };
};
