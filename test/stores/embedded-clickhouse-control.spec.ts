// Does one request to the embedded ClickHouse leave the others alone? Settings, sessions, aborts, ids, places and passwords.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import * as fc from 'fast-check';
import { PASSWORD, World, rowsOf } from './embedded-clickhouse.harness';

const SLOW = 'SELECT sum(sipHash64(number)) FROM numbers(100000000000)';

describe('control of the embedded ClickHouse', () => {
  let world: World;
  let client: ClickHouseClient;
  beforeAll(async () => {
    world = await World.start();
    client = world.client();
  });
  afterAll(() => world.stop());

  /** Statements that the engine itself runs, but this question. */
  const running = async (): Promise<number> => {
    const rows = await rowsOf<{ n: string }>(
      client,
      "SELECT count() AS n FROM system.processes WHERE query NOT LIKE '%system.processes%'",
    );
    return Number(rows[0]!.n);
  };
  const until = async (wanted: number): Promise<void> => {
    for (let tries = 0; (await running()) !== wanted; tries += 1) {
      if (tries > 100) throw new Error(`The engine did not come to ${wanted} statements.`);
      await sleep(50);
    }
  };
  const setting = async (name: string, more = {}): Promise<string> =>
    (await rowsOf<{ v: string }>(client, `SELECT toString(getSetting('${name}')) AS v`, more))[0]!.v;

  it('applies settings to one request only', async () => {
    const usual = await setting('max_block_size');
    expect(await setting('max_block_size', { clickhouse_settings: { max_block_size: '777' } })).toBe('777');
    expect(await Promise.all(Array.from({ length: 20 }, () => setting('max_block_size')))).toEqual(
      Array(20).fill(usual),
    );
  });

  it('takes the settings that clients send', async () => {
    const clickhouse_settings = {
      log_comment: "it's",
      max_execution_time: 10,
      max_memory_usage: '1000000000',
      max_result_rows: '10',
      max_threads: 1,
      insert_deduplication_token: 'x',
      date_time_input_format: 'best_effort',
      max_partitions_per_insert_block: 1000,
      send_progress_in_http_headers: 1,
      wait_end_of_query: 1,
      readonly: '2',
      enable_http_compression: 0,
    } as const;
    expect(await setting('log_comment', { clickhouse_settings })).toBe("it's");
  });

  it('gives any value to a setting without letting it become SQL', () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: 'grapheme' }),
          fc.constantFrom("', readonly = '0", "\\', max_threads = '9", "a'; DROP TABLE x; --"),
        ),
        async (text) => {
          expect(await setting('log_comment', { clickhouse_settings: { log_comment: text } })).toBe(text);
        },
      ),
      { numRuns: 40 },
    ));

  it('refuses unknown settings and names that are none', async () => {
    await expect(setting('max_threads', { clickhouse_settings: { nothing_like_it: 1 } })).rejects.toMatchObject({
      code: '115',
    });
    for (const name of ['max_threads=1, readonly', 'a b', "x'", 'log_comment--'])
      expect((await world.fetch(`/?query=SELECT+1&${encodeURIComponent(name)}=1`)).status).toBe(404);
  });

  it('honours limits of time, memory and rows', async () => {
    const limited = (query: string, clickhouse_settings: Record<string, string | number>): Promise<unknown> =>
      rowsOf(client, query, { clickhouse_settings });
    await expect(limited(SLOW, { max_execution_time: 1 })).rejects.toMatchObject({
      code: '159',
      type: 'TIMEOUT_EXCEEDED',
    });
    await expect(
      limited('SELECT groupArray(number) FROM numbers(50000000)', { max_memory_usage: '50000000' }),
    ).rejects.toMatchObject({ code: '241' });
    await expect(limited('SELECT number FROM numbers(100)', { max_result_rows: '10' })).rejects.toMatchObject({
      code: '396',
    });
  });

  it.each(['1', '2'])('forbids every write with readonly=%s', async (readonly) => {
    const table = `ro_${readonly}`;
    await client.command({ query: `CREATE TABLE IF NOT EXISTS ${table} (a Int8) ENGINE = MergeTree ORDER BY a` });
    const clickhouse_settings = { readonly } as const;
    for (const query of [
      `INSERT INTO ${table} VALUES (1)`,
      `DROP TABLE ${table}`,
      `ALTER TABLE ${table} DELETE WHERE 1`,
      `INSERT INTO ${table} SELECT 1`,
    ])
      await expect(client.command({ query, clickhouse_settings })).rejects.toMatchObject({ type: 'READONLY' });
    await expect(
      client.insert({ table, values: [{ a: 1 }], format: 'JSONEachRow', clickhouse_settings }),
    ).rejects.toMatchObject({ type: 'READONLY' });
    await expect(rowsOf(client, 'SELECT 1 SETTINGS readonly = 0', { clickhouse_settings })).rejects.toMatchObject({
      type: 'READONLY',
    });
    expect(await rowsOf(client, `SELECT * FROM ${table}`, { clickhouse_settings })).toEqual([]);
    const byGet = await world.fetch(`/?query=${encodeURIComponent(`INSERT INTO ${table} VALUES (1)`)}`);
    expect(byGet.headers.get('x-clickhouse-exception-code')).toBe('164');
  });

  it('uses the database of the request', async () => {
    await client.command({ query: 'CREATE DATABASE IF NOT EXISTS `other db`' });
    const other = world.client({ database: 'other db' });
    expect(await rowsOf(other, 'SELECT currentDatabase() AS d')).toEqual([{ d: 'other db' }]);
    expect(await rowsOf(client, 'SELECT currentDatabase() AS d')).toEqual([{ d: 'default' }]);
    await expect(rowsOf(world.client({ database: 'none' }), 'SELECT 1')).rejects.toMatchObject({ code: '81' });
  });

  it('keeps temporary tables and SET within a session, and nothing else', async () => {
    const session_id = randomUUID();
    await client.command({ query: 'CREATE TEMPORARY TABLE kept (a UInt8)', session_id });
    await client.insert({ table: 'kept', values: [{ a: 3 }], format: 'JSONEachRow', session_id });
    await client.command({ query: 'SET max_block_size = 1234', session_id });
    expect(await rowsOf(client, 'SELECT a FROM kept', { session_id })).toEqual([{ a: 3 }]);
    expect(await setting('max_block_size', { session_id, clickhouse_settings: { max_block_size: '77' } })).toBe('77');
    expect(await setting('max_block_size', { session_id })).toBe('1234');
    expect(await rowsOf(client, 'SELECT {x:String} AS x', { session_id, query_params: { x: 'y' } })).toEqual([
      { x: 'y' },
    ]);
    await expect(rowsOf(client, 'SELECT {x:String} AS x', { session_id })).rejects.toMatchObject({ code: '456' });
    const clickhouse_settings = { readonly: '1' } as const;
    await expect(client.command({ query: 'DROP TABLE kept', session_id, clickhouse_settings })).rejects.toMatchObject({
      code: '164',
    });
    await expect(rowsOf(client, 'SELECT a FROM kept')).rejects.toMatchObject({ code: '60' });
    await expect(rowsOf(client, 'SELECT a FROM kept', { session_id: randomUUID() })).rejects.toMatchObject({
      code: '60',
    });
  });

  it('locks a session while it is used, and lets it expire', async () => {
    const session_id = randomUUID();
    const first = rowsOf(client, 'SELECT sleep(0.5)', { session_id });
    await sleep(150);
    await expect(rowsOf(client, 'SELECT 1', { session_id })).rejects.toMatchObject({
      code: '373',
      type: 'SESSION_IS_LOCKED',
    });
    await first;
    const url = `/?query=SELECT+1&session_id=${session_id}&session_timeout=1`;
    expect((await world.fetch(`${url}&session_check=1`)).status).toBe(200);
    await sleep(1_300);
    expect((await world.fetch(`${url}&session_check=1`)).headers.get('x-clickhouse-exception-code')).toBe('372');
  });

  it('begins a session anew where it cannot be brought back to its database, for who waits too', async () => {
    const session_id = randomUUID();
    const begin = async (): Promise<void> => {
      await client.command({ query: 'CREATE DATABASE IF NOT EXISTS brief' });
      await client.command({ query: 'USE brief', session_id });
    };
    const elsewhere = `/?database=default&session_id=${session_id}&session_timeout=1&query=`;
    await begin();
    await (await world.fetch(`${elsewhere}DROP+DATABASE+brief`, { method: 'POST' })).text();
    // Another one of the same name, which must not end when the first one would have.
    await client.command({ query: 'CREATE TEMPORARY TABLE mine (a UInt8)', session_id });
    await sleep(1_300);
    expect(await rowsOf(client, 'SELECT a FROM mine', { session_id })).toEqual([]);
    await begin();
    const slow = world.fetch(`${elsewhere}SELECT+sleep(0.4)`);
    await sleep(100);
    await client.command({ query: 'DROP DATABASE brief' });
    await sleep(200);
    expect(await rowsOf(client, 'SELECT currentDatabase() AS d', { session_id })).toEqual([{ d: 'default' }]);
    expect((await slow).status).toBe(200);
  });

  it('keeps the database that connections begin in, and takes no statement for the name of a format', async () => {
    const gone = [
      'DETACH DATABASE default',
      'DROP DATABASE IF EXISTS `default` SYNC',
      'RENAME DATABASE default TO other',
    ];
    for (const sql of gone) await expect(client.command({ query: sql })).rejects.toMatchObject({ code: '497' });
    const format = encodeURIComponent('TSV SETTINGS max_block_size = 1');
    const refused = await world.fetch(`/?query=SELECT+1&default_format=${format}`);
    expect([refused.status, refused.headers.get('x-clickhouse-exception-code')]).toEqual([404, '73']);
    expect(await (await world.fetch('/?query=SELECT+1&default_format=JSONCompactEachRow')).text()).toBe('[1]\n');
  });

  it('runs 16 queries side by side, and inserts beside them', async () => {
    await client.command({ query: 'CREATE TABLE IF NOT EXISTS beside (a UInt8) ENGINE = MergeTree ORDER BY a' });
    const since = performance.now();
    const sleeping = Promise.all(
      Array.from({ length: 16 }, (_, index) => rowsOf(client, `SELECT sleep(2) AS s, ${index} AS i`)),
    );
    await sleep(300);
    const from = performance.now();
    await client.insert({ table: 'beside', values: [{ a: 1 }], format: 'JSONEachRow' });
    expect((await client.ping()).success).toBe(true);
    expect(performance.now() - from).toBeLessThan(1_500);
    expect((await sleeping).map(([row]) => row!['i'])).toEqual(Array.from({ length: 16 }, (_, index) => index));
    expect(performance.now() - since).toBeLessThan(8_000);
  });

  it('lets those in first that have the lower priority number', async () => {
    const crowded = await World.start({ sessions: { queries: 1 } });
    const asking = crowded.client();
    const done: number[] = [];
    const ask = (priority: number): Promise<unknown> =>
      rowsOf(asking, `SELECT sleep(0.2), ${priority} AS p`, {
        clickhouse_settings: { priority: String(priority) },
      }).then(() => done.push(priority));
    const first = ask(9);
    await sleep(100);
    const others: Promise<unknown>[] = [];
    for (const priority of [5, 1, 5, 0]) {
      others.push(ask(priority));
      await sleep(20);
    }
    await Promise.all([first, ...others]);
    await crowded.stop();
    expect(done).toEqual([9, 0, 1, 5, 5]);
  });

  it.each([
    ['that computes', SLOW],
    ['that sends rows', 'SELECT number, toString(number) FROM numbers(100000000000)'],
    ['that sleeps', 'SELECT sleepEachRow(0.1) FROM numbers(1000) SETTINGS max_block_size = 1'],
    ['with parameters', 'SELECT sum(sipHash64(number)) FROM numbers({many:UInt64})'],
  ])('stops a query %s when its client goes', async (_, query) => {
    const abort = new AbortController();
    // Once its head is there, a client ends a result by closing it; before, by the signal.
    const params = query.includes('{many:') ? { query_params: { many: 100_000_000_000 } } : {};
    const asked = client.query({ query, ...params, format: 'CSV', abort_signal: abort.signal }).catch(() => undefined);
    await until(1);
    abort.abort();
    (await asked)?.close();
    await until(0);
    expect(await running()).toBe(0);
  });

  it('stops a query by the id that its client gave', async () => {
    const query_id = `mine ' ${randomUUID()}`;
    const victim = rowsOf(client, SLOW, { query_id });
    victim.catch(() => undefined);
    await until(1);
    await expect(rowsOf(client, 'SELECT 1', { query_id })).rejects.toMatchObject({ code: '216' });
    await client.command({ query: `KILL QUERY WHERE query_id = 'another' SYNC` });
    await client.command({ query: 'KILL QUERY WHERE query_id = {id:String}', query_params: { id: 'another' } });
    expect(await running()).toBe(1);
    const plain = randomUUID();
    const second = rowsOf(client, SLOW, { query_id: plain });
    second.catch(() => undefined);
    await until(2);
    await client.command({ query: `KILL QUERY WHERE query_id = '${plain}' SYNC` });
    await expect(second).rejects.toMatchObject({ code: '394', type: 'QUERY_WAS_CANCELLED' });
    await client.command({ query: `KILL QUERY WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%KILL%'` });
    await expect(victim).rejects.toMatchObject({ code: '394' });
  });

  it('lets in who knows the password, by each way', async () => {
    const basic = `Basic ${Buffer.from(`default:${PASSWORD}`).toString('base64')}`;
    const ask = (path: string, headers: Record<string, string>): Promise<number> =>
      fetch(`${world.url}${path}`, { headers }).then((response) => response.status);
    const query = '/?query=SELECT+1';
    expect(await ask(query, { authorization: basic })).toBe(200);
    expect(await ask(query, { 'x-clickhouse-user': 'default', 'x-clickhouse-key': PASSWORD })).toBe(200);
    expect(await ask(`${query}&user=default&password=${encodeURIComponent(PASSWORD)}`, {})).toBe(200);
    expect(await ask(query, {})).toBe(401);
    expect(await ask(query, { 'x-clickhouse-key': 'guess' })).toBe(403);
    expect(await ask(`${query}&user=admin&password=${encodeURIComponent(PASSWORD)}`, {})).toBe(403);
    expect(await ask('/ping', {})).toBe(200);
    await expect(rowsOf(world.client({ password: 'wrong' }), 'SELECT 1')).rejects.toMatchObject({ code: '516' });
  });
});
