// Are estimates from samples as good as they say? On many ranges, beside the exact answer.
import { DAY_MS } from '../../src/common/time-range';
import { readEnv, StoreUrls } from '../../src/config/env';
import type { RollupSnapshots } from '../../src/aggregation';
import type { ChangeLog } from '../../src/events';
import { parseFilter } from '../../src/events/query';
import { ClickHouse } from '../../src/platform/clickhouse/clickhouse';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { OVERVIEW_METRICS } from '../../src/stats/metrics';
import { RolledRepository } from '../../src/stats/rolled/rolled.repository';
import { Volumes } from '../../src/stats/volumes';
import { StatsRepository } from '../../src/stats/stats.repository';
import { question } from '../../src/stats/stats.request';
import type { StatsQuery } from '../../src/stats/stats.types';
import { aClickHouseDatabase } from '../support';

const FIRST = Date.UTC(2026, 4, 1);
const DAYS = 24;
const PROJECT = 7;
/** One of so many visitors is read. */
const SAMPLE = 8;

let clickhouse: ClickHouse;
let stats: StatsRepository;

beforeAll(async () => {
  const url = await aClickHouseDatabase();
  await migrateClickHouse(url, undefined);
  clickhouse = new ClickHouse(readEnv({ LOG_LEVEL: 'silent' }), new StoreUrls('', url));
  // Each day has 2,000 visitors of its own with 1 to 40 events in one session, some of them in pairs under one user.
  await clickhouse.run(`
    INSERT INTO events (project_id, ts, received_at, event_id, name, visitor_id, user_id, country, path)
    SELECT ${PROJECT}, toDateTime64('2026-05-01 06:00:00', 3, 'UTC') + toIntervalMillisecond(day * 86400000 + (cityHash64(visitor) % 40000000) + step * 60000) AS ts, ts,
      generateUUIDv4(), if(step % 3 = 2, 'click', 'pageview'), cityHash64(visitor, 'v'), 0,
      if(cityHash64(visitor, 'c') % 3 = 0, 'DE', 'FR'), concat('/', toString(step % 5))
    FROM (
      SELECT intDiv(number, 40) AS visitor, number % 40 AS step, intDiv(visitor, 2000) AS day, 1 + toUInt32(40 * pow(cityHash64(visitor, 'n') % 1000 / 1000, 4)) AS length
      FROM numbers(${DAYS} * 2000 * 40)
      WHERE step < length)`);
  // So many events, as far as anybody is told, that only a sample can be read in time.
  const snapshots = {
    of: async (_project: number, _zone: string, range: { from: number; to: number }) => ({
      horizon: 0,
      openFrom: 0,
      revision: 1,
      stale: [],
      cells: [{ ...range, version: 1, events: 400_000 * SAMPLE, detailed: false, skipped: [] }],
    }),
    revisionOf: async () => 1,
  } as unknown as RollupSnapshots;
  const changes = { owes: () => false } as unknown as ChangeLog;
  stats = new StatsRepository(clickhouse, new RolledRepository(snapshots), new Volumes(snapshots), changes);
});
afterAll(() => clickhouse.onApplicationShutdown());

const ask = (day: number, more: Partial<StatsQuery> = {}): StatsQuery =>
  question({
    project: PROJECT,
    range: { from: FIRST + day * DAY_MS, to: FIRST + (day + 1) * DAY_MS },
    timezone: 'UTC',
    metrics: OVERVIEW_METRICS.filter((name) => name !== 'revenue'),
    groupings: [],
    order: [],
    ...more,
  });

it('says how far each figure can be off, and keeps to it', async () => {
  let within = 0;
  let figures = 0;
  for (let day = 0; day < DAYS; day += 1) {
    const query = ask(day, { filter: parseFilter(['is', 'country', [day % 2 === 0 ? 'DE' : 'FR']]) });
    const estimate = await stats.answer(query, 'UTC');
    const exact = await stats.answer({ ...query, precision: 'exact' }, 'UTC');
    expect(estimate.account).toMatchObject({ sampleFraction: 1 / SAMPLE, approximate: query.metrics });
    expect(exact.account).toEqual({});
    for (const [at, name] of query.metrics.entries()) {
      const truth = Number(exact.rows[0]?.values[at]);
      const off = Math.abs(Number(estimate.rows[0]?.values[at]) - truth) / Number(estimate.rows[0]?.values[at]);
      const bound = estimate.account.relativeError?.[name] ?? 0;
      // A bound that holds because it says nothing is no bound.
      expect(bound).toBeLessThan(1);
      figures += 1;
      if (off <= bound) within += 1;
    }
  }
  // 95 of 100 are promised; figures of one day go together, so 24 days may have a bad one.
  expect(within / figures).toBeGreaterThan(0.9);
});

it('estimates the rows of a breakdown, the first ones first', async () => {
  const query = ask(3, {
    metrics: ['visitors', 'pageviews'],
    groupings: [{ kind: 'value', dimension: 'page' }],
    order: [
      { column: { metric: 0 }, descending: true },
      { column: { grouping: 0 }, descending: false },
    ],
    limit: 3,
  });
  const { rows, account } = await stats.answer(query, 'UTC');
  const exact = await stats.answer({ ...query, precision: 'exact' }, 'UTC');
  expect(rows.map(({ groups }) => groups[0])).toEqual(exact.rows.map(({ groups }) => groups[0]));
  const bound = account.relativeError?.['visitors'] ?? 0;
  for (const [at, row] of rows.entries())
    expect(Math.abs(Number(row.values[0]) / Number(exact.rows[at]?.values[0]) - 1)).toBeLessThan(2 * bound);
});

it('says that it knows nothing of what the sample does not hold', async () => {
  const { account } = await stats.answer(ask(1, { filter: parseFilter(['is', 'country', ['NP']]) }), 'UTC');
  expect(account.relativeError).toMatchObject({ visitors: 1, events: 1 });
});

it('never samples what a sample can not tell', async () => {
  for (const metrics of [['uniq(property:plan)'], ['max(property:price)']]) {
    const { account } = await stats.answer(ask(1, { metrics }), 'UTC');
    expect(account.sampleFraction).toBeUndefined();
  }
});
