// Does a query get as much as it may, and no more? Time, memory and rows just below and just above, turns, and clients that leave.
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../src/common/problem';
import { Env, readEnv, StoreUrls } from '../../src/config/env';
import { ClickHouse, type QueryCost } from '../../src/platform/clickhouse/clickhouse';
import { sql, type Sql, uint32 } from '../../src/platform/clickhouse/sql';
import { Metrics } from '../../src/platform/metrics/metrics';
import { aClickHouseDatabase, askClickHouse, until } from '../support';

let url: string;
const open: ClickHouse[] = [];
const metrics = new Metrics();

const seam = (env: Record<string, string> = {}): ClickHouse => {
  const made = new ClickHouse(readEnv({ ...env }), new StoreUrls('', url), metrics);
  open.push(made);
  return made;
};

/** Takes a millisecond for a row, and can be stopped after every tenth. */
const slow = (ms: number): Sql =>
  sql`SELECT count() - sum(s) AS n FROM (SELECT sleepEachRow(0.001) AS s FROM numbers(${uint32(ms)})) SETTINGS max_block_size = 10`;

/** Computes for hours. */
const endless = sql`SELECT sum(sipHash64(number)) AS endless FROM numbers(100000000000)`;

const problemOf = async (
  asked: Promise<unknown>,
): Promise<{ status: number; code: string; detail: string; which: string | undefined }> => {
  const error: unknown = await asked.then(
    () => new Error('It was answered.'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Problem)) throw error;
  const { kind, extra } = error;
  return { status: kind.status, code: kind.code, detail: extra.detail ?? '', which: extra.errors?.[0]?.code };
};

/** Statements of this file's database that the engine runs now. */
const running = async (): Promise<number> =>
  Number(
    await askClickHouse(
      url,
      `SELECT count() FROM system.processes WHERE match(query, 'sleepEachRow|endless') AND query NOT LIKE '%system.processes%' AND current_database = currentDatabase()`,
    ),
  );

beforeAll(async () => {
  url = await aClickHouseDatabase();
  await askClickHouse(url, 'CREATE TABLE counted (n UInt64) ENGINE = MergeTree ORDER BY n');
  await askClickHouse(url, 'INSERT INTO counted SELECT number FROM numbers(100000)');
});
afterAll(async () => {
  await Promise.all(open.map((made) => made.onApplicationShutdown()));
});

describe('a query', () => {
  it('may take its time, and is refused with advice beyond it', async () => {
    const clickhouse = seam({ QUERY_TIMEOUT_MS: '1000' });
    expect(await clickhouse.rows(slow(300))).toEqual([{ n: 300 }]);
    const begun = performance.now();
    const refused = await problemOf(clickhouse.rows(slow(20_000)));
    expect(refused).toMatchObject({ status: 422, code: 'query_too_large', which: 'time_limit' });
    expect(refused.detail).toContain('longer than the 1 seconds');
    expect(refused.detail).toContain('shorter range');
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  it('may take its memory, and is refused beyond it', async () => {
    const clickhouse = seam({ QUERY_MEMORY_MB: '64' });
    const holding = (count: number): Sql => sql`SELECT length(groupArray(number)) AS n FROM numbers(${uint32(count)})`;
    expect(await clickhouse.rows(holding(1_000_000))).toEqual([{ n: 1_000_000 }]);
    const refused = await problemOf(clickhouse.rows(holding(50_000_000)));
    expect(refused).toMatchObject({ status: 422, code: 'query_too_large', which: 'memory_limit' });
    expect(refused.detail).toContain('64 megabytes');
    expect(await clickhouse.rows(holding(50_000_000), { maxMemoryBytes: 2 ** 31 })).toEqual([{ n: 50_000_000 }]);
  });

  it('groups with the help of the disk at half of its memory', async () => {
    const clickhouse = seam({ QUERY_MEMORY_MB: '400', QUERY_TIMEOUT_MS: '60000' });
    const grouped = sql`SELECT count() AS n FROM (SELECT number AS k, count() AS c FROM numbers(20000000) GROUP BY k)`;
    expect(await clickhouse.rows(grouped, { settings: { max_threads: 2 } })).toEqual([{ n: 20_000_000 }]);
    const settings = {
      max_threads: 2,
      max_bytes_before_external_group_by: '0',
      max_bytes_ratio_before_external_group_by: 0,
    } as const;
    expect(await problemOf(clickhouse.rows(grouped, { settings }))).toMatchObject({ which: 'memory_limit' });
  });

  it('may read as many rows as it may, and not one more', async () => {
    const counting = sql`SELECT sum(n) AS s FROM counted`;
    const twice = sql`SELECT count() AS c FROM counted WHERE n IN (SELECT n FROM counted WHERE n % 2 = 0)`;
    expect(await seam({ QUERY_MAX_ROWS: '100000' }).rows(counting)).toEqual([{ s: 4_999_950_000 }]);
    const less = seam({ QUERY_MAX_ROWS: '99999' });
    const refused = await problemOf(less.rows(counting));
    expect(refused).toMatchObject({ status: 422, code: 'query_too_large', which: 'rows_limit' });
    expect(refused.detail).toContain('99,999 rows');
    expect(await less.rows(counting, { maxRows: 0 })).toHaveLength(1);
    expect(await less.rows(counting, { background: true })).toHaveLength(1);
    expect(await seam({ QUERY_MAX_ROWS: '200000' }).rows(twice)).toEqual([{ c: 50_000 }]);
    expect(await problemOf(seam({ QUERY_MAX_ROWS: '150000' }).rows(twice))).toMatchObject({ which: 'rows_limit' });
    expect(await seam({ QUERY_MAX_ROWS: '0' }).rows(counting)).toHaveLength(1);
  });

  it('tells what it cost, to its asker and to the metrics', async () => {
    const told: QueryCost[] = [];
    const purpose = 'a test of costs';
    const account = (cost: QueryCost): void => void told.push(cost);
    const settings = { use_query_condition_cache: 0 } as const;
    await seam().rows(sql`SELECT sum(n) AS s FROM counted WHERE n < 50000`, { purpose, account, settings });
    await seam().rows(sql`SELECT n FROM counted ORDER BY n LIMIT 3`, { purpose, account, background: true });
    expect(told[0]).toMatchObject({ purpose, bytes: told[0]!.rows * 8 });
    expect(told[0]!.rows).toBeGreaterThanOrEqual(50_000);
    expect(told[0]!.rows).toBeLessThan(100_000);
    expect(told[0]!.elapsedMs).toBeGreaterThan(0);
    expect(told).toHaveLength(2);
    const text = await metrics.registry.metrics();
    expect(text).toContain(`millrace_clickhouse_read_rows_count{purpose="${purpose}"} 2`);
    expect(text).toContain(`millrace_clickhouse_read_rows_sum{purpose="${purpose}"} ${told[0]!.rows + told[1]!.rows}`);
  });

  it('takes the settings that it brings', async () => {
    expect(
      await seam().rows(sql`SELECT getSetting('max_threads') AS t, getSetting('priority') AS p`, {
        settings: { max_threads: 3 },
      }),
    ).toEqual([{ t: 3, p: 1 }]);
    expect(
      await seam().rows(sql`SELECT getSetting('max_threads') AS t, getSetting('readonly') AS r`, { background: true }),
    ).toEqual([{ t: 1, r: 2 }]);
  });
});

describe('more questions than may run', () => {
  it('take turns by project', async () => {
    const clickhouse = seam({ QUERY_CONCURRENCY: '2' });
    const done: number[] = [];
    const asked = [1, 1, 1, 1, 1, 1, 2].map((project) =>
      clickhouse.rows(slow(300), { project }).then(() => done.push(project)),
    );
    await Promise.all(asked);
    expect(done.indexOf(2)).toBeLessThanOrEqual(3);
    expect(done).toHaveLength(7);
  });

  it('are refused for the moment when no turn comes, while urgent and background work goes on', async () => {
    const clickhouse = seam({ QUERY_CONCURRENCY: '1', QUERY_TIMEOUT_MS: '400' });
    const first = clickhouse.rows(slow(1_500), { timeoutMs: 10_000 });
    await until(running, (count) => count === 1);
    const refused = problemOf(clickhouse.rows(sql`SELECT 1 AS one`, { project: 2 }));
    expect(await clickhouse.rows(sql`SELECT 1 AS one`, { urgent: true })).toEqual([{ one: 1 }]);
    expect(await clickhouse.rows(sql`SELECT 1 AS one`, { background: true })).toEqual([{ one: 1 }]);
    await clickhouse.run('SELECT 1', { background: true });
    expect(await refused).toMatchObject({ status: 503, code: 'store_unavailable' });
    expect(await first).toEqual([{ n: 1_500 }]);
    expect(await clickhouse.rows(sql`SELECT 1 AS one`)).toEqual([{ one: 1 }]);
  });

  it('are not kept waiting by downloads', async () => {
    const clickhouse = seam({ QUERY_CONCURRENCY: '1' });
    const download = await clickhouse.stream(
      sql`SELECT number, repeat('x', 1000) AS x FROM numbers(3000000)`,
      'JSONEachRow',
    );
    expect(await clickhouse.rows(sql`SELECT 1 AS one`)).toEqual([{ one: 1 }]);
    const second = clickhouse.stream(sql`SELECT 2 AS two`, 'JSONEachRow');
    let begun = false;
    void second.then(() => (begun = true));
    await sleep(300);
    expect(begun).toBe(false);
    download.destroy();
    let text = '';
    for await (const part of await second) text += String(part);
    expect(text).toBe('{"two":2}\n');
  });
});

describe('an asker who leaves', () => {
  it('stops what runs for it, and gives up its turn', async () => {
    const clickhouse = seam({ QUERY_CONCURRENCY: '1' });
    const gone = new AbortController();
    const running1 = problemOf(clickhouse.rows(endless, { signal: gone.signal, maxRows: 0 }));
    await until(running, (count) => count === 1);
    const waiting = problemOf(clickhouse.rows(endless, { signal: gone.signal, maxRows: 0 }));
    const next = clickhouse.rows(sql`SELECT 1 AS one`);
    const left = performance.now();
    gone.abort();
    expect(await running1).toMatchObject({ status: 499, code: 'client_gone' });
    expect(await waiting).toMatchObject({ status: 499 });
    expect(await until(running, (count) => count === 0, 1_000)).toBe(0);
    expect(performance.now() - left).toBeLessThan(1_000);
    expect(await next).toEqual([{ one: 1 }]);
  });
});

it('has defaults under which a hundred million events can be asked exactly', () => {
  const { QUERY_MAX_ROWS } = new Env();
  // Events once for figures, once for sessions, and both again for the range that is compared.
  expect(QUERY_MAX_ROWS).toBeGreaterThanOrEqual(4 * 100_000_000);
});
