// Do rows reach the embedded ClickHouse as they were sent, in every format, all of them or none?
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { deflateSync, gzipSync } from 'node:zlib';
import type { ClickHouseClient } from '@clickhouse/client';
import { World, rowsOf } from './embedded-clickhouse.harness';

describe('inserts into the embedded ClickHouse', () => {
  let world: World;
  let client: ClickHouseClient;
  beforeAll(async () => {
    world = await World.start();
    client = world.client();
  });
  afterAll(() => world.stop());

  /** A table of its own for one test. */
  const aTable = async (
    columns = 'a UInt64, s String',
    more = 'ENGINE = MergeTree ORDER BY tuple()',
  ): Promise<string> => {
    const name = `t_${randomUUID().replaceAll('-', '')}`;
    await client.command({ query: `CREATE TABLE ${name} (${columns}) ${more}` });
    return name;
  };
  const count = async (table: string): Promise<number> =>
    Number((await rowsOf<{ n: string }>(client, `SELECT count() AS n FROM ${table}`))[0]!.n);
  const post = (
    query: string,
    body: Buffer | string,
    headers: Record<string, string> = {},
    more = '',
  ): Promise<Response> => world.fetch(`/?query=${encodeURIComponent(query)}${more}`, { method: 'POST', body, headers });
  const contents = async (query: string): Promise<string> =>
    (await world.fetch('/', { method: 'POST', body: `${query} FORMAT JSONCompactEachRow` })).text();

  it('takes objects, streams of objects and raw streams', async () => {
    const table = await aTable();
    const done = await client.insert({ table, values: [{ a: 1, s: 'one' }], format: 'JSONEachRow' });
    expect(done.summary).toMatchObject({ written_rows: '1' });
    const values = Readable.from(
      [
        { a: 2, s: 'two\n\nlines' },
        { a: 3, s: "';DROP" },
      ],
      { objectMode: true },
    );
    await client.insert({ table, values, format: 'JSONEachRow' });
    await client.insert({ table, values: Readable.from(['4,"fo\n\nur"\n'], { objectMode: false }), format: 'CSV' });
    await client.insert({ table, values: [[5, 'five']], format: 'JSONCompactEachRow' });
    const body = Buffer.from('[6,"six"]\n[7,"seven"]\n');
    const sent = await client.exec({
      query: `INSERT INTO ${table} (a, s) FORMAT JSONCompactEachRow`,
      values: Readable.from([body]),
    });
    await buffer(sent.stream);
    expect(sent.summary).toMatchObject({ written_rows: '2' });
    expect(await rowsOf(client, `SELECT toUInt8(a) AS a, s FROM ${table} ORDER BY a`)).toEqual([
      { a: 1, s: 'one' },
      { a: 2, s: 'two\n\nlines' },
      { a: 3, s: "';DROP" },
      { a: 4, s: 'fo\n\nur' },
      { a: 5, s: 'five' },
      { a: 6, s: 'six' },
      { a: 7, s: 'seven' },
    ]);
  });

  it.each([
    'Native',
    'RowBinary',
    'RowBinaryWithNamesAndTypes',
    'Parquet',
    'ArrowStream',
    'Arrow',
    'ORC',
    'CSV',
    'CSVWithNames',
    'TSV',
    'JSON',
    'JSONColumns',
    'Values',
    'MsgPack',
    'Avro',
  ])('takes %s as it gave it', async (format) => {
    const [from, to] = [await aTable('a UInt64, s String, f Float64'), await aTable('a UInt64, s String, f Float64')];
    // Lengths of 10 and texts with empty lines: bytes that look like the end of inline data.
    const strings = `['', 'x\\n\\ny', '\\n', ';\\n\\nDROP TABLE t', repeat('z', 10), 'ü''"\\\\', concat(char(10), char(10))][number % 7 + 1]`;
    await client.command({ query: `INSERT INTO ${from} SELECT number, ${strings}, number / 3 FROM numbers(2600)` });
    const bytes = Buffer.from(
      await (await world.fetch('/', { method: 'POST', body: `SELECT * FROM ${from} FORMAT ${format}` })).arrayBuffer(),
    );
    const response = await post(`INSERT INTO ${to} FORMAT ${format}`, bytes);
    expect([response.status, await response.text()]).toEqual([200, '']);
    const hash = (table: string): Promise<string> => contents(`SELECT count(), sum(cityHash64(a, s, f)) FROM ${table}`);
    expect(await hash(to)).toBe(await hash(from));
  });

  it('takes data that follow the statement in the body, and VALUES with expressions', async () => {
    const table = await aTable();
    await world.fetch('/', {
      method: 'POST',
      body: `INSERT INTO ${table} FORMAT TSV\n1\ta\n2\tb\n`,
    });
    await world.fetch('/', {
      method: 'POST',
      body: `INSERT INTO ${table} (a, s) VALUES (1 + 2, concat('x;', 'y')),\n\n(4, 'd');`,
    });
    await post(`INSERT INTO ${table} VALUES`, "(5,'e'),(6,'f')");
    await post(`INSERT INTO ${table} FORMAT Values`, "(7,upper('g'))");
    expect(await contents(`SELECT sum(a), count(), max(s) FROM ${table}`)).toBe('[28, 7, "x;y"]\n');
  });

  it('takes rows through input(), also where they hold empty lines', async () => {
    const table = await aTable();
    const query = `INSERT INTO ${table} SELECT a + 1, upper(s) FROM input('a UInt64, s String') FORMAT JSONEachRow`;
    await post(query, '{"a":1,"s":"x"}\n');
    await post(query, '{"a":2,"s":"y"}\n\n{"a":3,"s":"z"}\n');
    expect(await contents(`SELECT sum(a), groupConcat(s) FROM (SELECT * FROM ${table} ORDER BY a)`)).toBe(
      '[9, "XYZ"]\n',
    );
  });

  it('never runs data as SQL', async () => {
    const table = await aTable();
    for (const body of [
      '{"a":1}\n\nDROP TABLE @',
      '\n\nDROP TABLE @',
      '{"a":1}\n;\n\nDROP TABLE @;',
      "(1,'a'); DROP TABLE @",
    ])
      for (const format of ['JSONEachRow', 'Values', 'RowBinary'])
        await (await post(`INSERT INTO ${table} FORMAT ${format}`, body.replaceAll('@', table))).text();
    expect(await count(table)).toBeGreaterThanOrEqual(0);
  });

  it.each([
    ['JSONCompactEachRow', '[1,"a"]\n[2,["no"\n'],
    ['CSV', '1,a\nx,b\n'],
    ['RowBinary', '\x01'],
  ])('keeps none of a %s body with a bad row', async (format, body) => {
    const table = await aTable();
    const response = await post(`INSERT INTO ${table} FORMAT ${format}`, body);
    expect(response.ok).toBe(false);
    expect(await response.text()).toMatch(/^Code: \d+\. DB::Exception: /);
    expect(await count(table)).toBe(0);
  });

  it('keeps none of 100,000 rows where the last is bad, in memory and through a file', async () => {
    for (const padding of [1, 120]) {
      const table = await aTable();
      const rows = Array.from({ length: 100_000 }, (_, index) => `[${index},"${'x'.repeat(padding)}"]`);
      const response = await post(`INSERT INTO ${table} FORMAT JSONCompactEachRow`, [...rows, '[1,'].join('\n'));
      expect(response.status).toBe(400);
      expect(await count(table)).toBe(0);
    }
  });

  it('keeps nothing of a body that breaks off', async () => {
    const table = await aTable();
    const abort = new AbortController();
    const half = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('[1,"a"]\n[2,"b"]\n');
      await new Promise((resolve) => setTimeout(resolve, 100));
      abort.abort();
    };
    const query = `INSERT INTO ${table} FORMAT JSONCompactEachRow`;
    await expect(client.exec({ query, values: Readable.from(half()), abort_signal: abort.signal })).rejects.toThrow(
      /abort/,
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await count(table)).toBe(0);
  });

  it('takes gzip and deflate, refuses brotli, and names damage', async () => {
    const table = await aTable();
    const body = Buffer.from('{"a":1,"s":"zip"}\n');
    const query = `INSERT INTO ${table} FORMAT JSONEachRow`;
    const packed = world.client({ compression: { request: true } });
    await packed.insert({ table, values: [{ a: 2, s: 'by client' }], format: 'JSONEachRow' });
    expect((await post(query, gzipSync(body), { 'Content-Encoding': 'gzip' })).status).toBe(200);
    expect((await post(query, deflateSync(body), { 'Content-Encoding': 'deflate' })).status).toBe(200);
    expect((await post(query, body, { 'Content-Encoding': 'br' })).status).toBe(415);
    const damaged = await post(query, gzipSync(body).subarray(0, 20), { 'Content-Encoding': 'gzip' });
    expect([damaged.status, damaged.headers.get('x-clickhouse-exception-code')]).toEqual([400, '354']);
    expect(await count(table)).toBe(3);
  });

  it('drops a block whose token is known, and only that', async () => {
    const settings = 'ENGINE = MergeTree ORDER BY tuple() SETTINGS non_replicated_deduplication_window = 100';
    const table = await aTable('a UInt64, s String', settings);
    const send = (token: string | undefined, a: number): Promise<unknown> =>
      client.insert({
        table,
        values: [{ a, s: '' }],
        format: 'JSONEachRow',
        clickhouse_settings: token === undefined ? {} : { insert_deduplication_token: token },
      });
    await send("it's \\ one", 1);
    await send("it's \\ one", 2);
    await send('two', 3);
    await send(undefined, 4);
    await send(undefined, 5);
    expect(await contents(`SELECT arraySort(groupArray(a)) FROM ${table}`)).toBe('[[1,3,4,5]]\n');
  });

  it('inserts 60 MB from a stream without holding it', async () => {
    const table = await aTable();
    await client.insert({ table, values: [{ a: 0, s: '' }], format: 'JSONEachRow' });
    const line = JSON.stringify([7, 'y'.repeat(990)]);
    const chunk = Buffer.from(`${line}\n`.repeat(1_000));
    const before = world.residentMb();
    const values = Readable.from(
      Array.from({ length: 60 }, () => chunk),
      { objectMode: false },
    );
    const done = await client.exec({ query: `INSERT INTO ${table} FORMAT JSONCompactEachRow`, values });
    await buffer(done.stream);
    expect(done.summary).toMatchObject({ written_rows: '60000' });
    expect(await count(table)).toBe(60_001);
    expect(world.residentMb() - before).toBeLessThan(400);
  });
});
