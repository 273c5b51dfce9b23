// Does the embedded ClickHouse answer queries as a real one does, to an ordinary client and to plain HTTP?
import { ClickHouseError, TupleParam } from '@clickhouse/client';
import type { ClickHouseClient } from '@clickhouse/client';
import * as fc from 'fast-check';
import { World, rowsOf } from './embedded-clickhouse.harness';

describe('queries to the embedded ClickHouse', () => {
  let world: World;
  let client: ClickHouseClient;
  beforeAll(async () => {
    world = await World.start();
    client = world.client();
  });
  afterAll(() => world.stop());

  const bound = async (type: string, value: unknown): Promise<unknown> => {
    const query = `SELECT {x:${type}} AS x, toTypeName(x) AS type`;
    const [row] = await rowsOf(client, query, { query_params: { x: value } });
    return row!['x'];
  };

  it('answers ping, with and without a query', async () => {
    expect(await client.ping()).toEqual({ success: true });
    expect(await client.ping({ select: true })).toMatchObject({ success: true });
    expect(await (await fetch(`${world.url}/ping`)).text()).toBe('Ok.\n');
    expect((await world.fetch('/nowhere')).status).toBe(404);
  });

  it('gives JSON with meta, totals and statistics', async () => {
    const query = 'SELECT number % 2 AS k, count() AS c FROM numbers(10) GROUP BY k WITH TOTALS ORDER BY k';
    const answer = await (await client.query({ query, format: 'JSON' })).json();
    const data = [
      { k: 0, c: 5 },
      { k: 1, c: 5 },
    ];
    expect(answer).toMatchObject({ data, totals: { c: 10 }, rows: 2, meta: [{ name: 'k' }, { name: 'c' }] });
  });

  it.each([
    ['CSVWithNames', '"n"\n0\n1\n', 'text/csv; charset=UTF-8; header=present'],
    ['TabSeparated', '0\n1\n', 'text/tab-separated-values; charset=UTF-8'],
    ['JSONCompactEachRow', '[0]\n[1]\n', 'application/x-ndjson; charset=UTF-8'],
    ['Values', '(0),(1)', 'text/plain; charset=UTF-8'],
  ])('gives %s with its content type', async (format, text, type) => {
    const response = await world.fetch('/', {
      method: 'POST',
      body: `SELECT toUInt8(number) AS n FROM numbers(2) FORMAT ${format}`,
    });
    expect(await response.text()).toBe(text);
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('x-clickhouse-format')).toBe(format);
  });

  it('takes the format from the clause, else the URL, else the header, else tab-separated', async () => {
    const ask = async (path: string, header?: string): Promise<string> => {
      const headers: Record<string, string> = header === undefined ? {} : { 'X-ClickHouse-Format': header };
      return (await world.fetch(path, { headers })).text();
    };
    expect(await ask('/?query=SELECT+1+FORMAT+CSV&default_format=JSONEachRow', 'Values')).toBe('1\n');
    expect(await ask('/?query=SELECT+1+AS+a&default_format=JSONEachRow', 'Values')).toBe('{"a":1}\n');
    expect(await ask('/?query=SELECT+1', 'Values')).toBe('(1)');
    expect(await ask('/?query=SELECT+1,2')).toBe('1\t2\n');
  });

  it('keeps settings after FORMAT, comments and a semicolon', async () => {
    const query = "SELECT ';' AS a, 1 /* ; */ AS b -- ;\n FORMAT JSONEachRow SETTINGS max_threads = 1 ; -- end";
    expect(await (await world.fetch('/', { method: 'POST', body: query })).text()).toBe('{"a":";","b":1}\n');
  });

  it('joins a query of the URL with the body', async () => {
    const response = await world.fetch('/?query=SELECT+1+%2B', { method: 'POST', body: '2' });
    expect(await response.text()).toBe('3\n');
  });

  it('tells id, summary, time zone and name', async () => {
    const { headers } = await world.fetch('/?query=SELECT+number+FROM+numbers(3)&query_id=mine');
    expect(headers.get('x-clickhouse-query-id')).toBe('mine');
    expect(headers.get('x-clickhouse-timezone')).toBe('UTC');
    expect(headers.get('x-clickhouse-server-display-name')).toBeTruthy();
    expect(JSON.parse(headers.get('x-clickhouse-summary')!)).toMatchObject({ result_rows: '3' });
  });

  it('tells progress of a slow query where it is asked for', async () => {
    const sql = encodeURIComponent('SELECT sum(sleepEachRow(0.01)) FROM numbers(50) SETTINGS max_block_size = 5');
    const response = await world.fetch(
      `/?query=${sql}&send_progress_in_http_headers=1&http_headers_progress_interval_ms=50`,
    );
    expect(await response.text()).toBe('0\n');
    expect(response.headers.get('x-clickhouse-progress')).toMatch(/"read_rows":"\d+"/);
  });

  it.each<[string, unknown, unknown]>([
    ['String', `q'"\\ \t\n\r {} {x:String} 😀 \\N`, `q'"\\ \t\n\r {} {x:String} 😀 \\N`],
    ['Array(String)', ["it's", 'a\\b', '', '\t\n', 'ü{}'], ["it's", 'a\\b', '', '\t\n', 'ü{}']],
    ['Array(Array(Int8))', [[1], [], [-2]], [[1], [], [-2]]],
    ['UUID', '0189c1f2-0000-7000-8000-00000000000a', '0189c1f2-0000-7000-8000-00000000000a'],
    ["DateTime64(3, 'UTC')", '2026-03-01 10:00:00.123', '2026-03-01 10:00:00.123'],
    ['Date', '2026-03-01', '2026-03-01'],
    ['Map(String, UInt8)', { "a'b": 1, c: 2 }, { "a'b": 1, c: 2 }],
    ['Nullable(String)', null, null],
    ['Array(Nullable(String))', ['a', null], ['a', null]],
    ['Bool', true, true],
    ['Float64', 0.1, 0.1],
    ['Tuple(UInt8, String)', new TupleParam([1, "x'"]), [1, "x'"]],
    ['LowCardinality(String)', 'low', 'low'],
    ["Enum8('a' = 1, 'b' = 2)", 'b', 'b'],
    ['Decimal(18, 4)', '12.3456', 12.3456],
  ])('binds a %s', async (type, value, expected) => {
    expect(await bound(type, value)).toEqual(expected);
  });

  it('binds 64-bit numbers and identifiers', async () => {
    const query = 'SELECT {u:UInt64} AS u, {i:Int64} AS i FROM {db:Identifier}.{t:Identifier}';
    const query_params = { u: '18446744073709551615', i: -(2n ** 63n), db: 'system', t: 'one' };
    const clickhouse_settings = { output_format_json_quote_64bit_integers: 1 } as const;
    const rows = await rowsOf(client, query, { query_params, clickhouse_settings });
    expect(rows).toEqual([{ u: '18446744073709551615', i: '-9223372036854775808' }]);
  });

  it('gives back any text that was bound', () =>
    fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        fc.array(fc.string({ unit: 'binary' }), { maxLength: 4 }),
        async (text, list) => {
          const clean = list.map((one) => one.toWellFormed());
          expect(await bound('String', text)).toBe(text);
          expect(await bound('Array(String)', clean)).toEqual(clean);
        },
      ),
      { numRuns: 60 },
    ));

  it('forgets parameters after their request', async () => {
    await bound('String', 'left behind');
    await expect(rowsOf(client, 'SELECT {x:String}')).rejects.toMatchObject({
      code: '456',
      type: 'UNKNOWN_QUERY_PARAMETER',
    });
    await expect(bound('UInt8', 'many')).rejects.toMatchObject({ code: '457', type: 'BAD_QUERY_PARAMETER' });
  });

  it('takes query and parameters as a multipart form', async () => {
    const many = Array.from({ length: 5_000 }, (_, index) => index);
    const answer = await client.query({
      query: 'SELECT length({a:Array(UInt32)}) AS n, {s:String} AS s',
      query_params: { a: many, s: "multi\n'part" },
      format: 'JSONEachRow',
      use_multipart_params: true,
    });
    expect(await answer.json()).toEqual([{ n: 5_000, s: "multi\n'part" }]);
    const inUrl = await world.fetch(`/?query=SELECT+length({a:Array(UInt32)})&param_a=[${many.join(',')}]`);
    expect(await inUrl.text()).toBe('5000\n');
  });

  it.each([
    ['SELECT (', 400, '62', 'SYNTAX_ERROR'],
    ['SELECT * FROM nothing_here', 404, '60', 'UNKNOWN_TABLE'],
    ['SELECT nothing', 404, '47', 'UNKNOWN_IDENTIFIER'],
    ['SELECT 1 FORMAT Nothing', 404, '73', 'UNKNOWN_FORMAT'],
    ['SELECT throwIf(1)', 500, '395', 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO'],
    ['SELECT sleep(3) SETTINGS max_execution_time = 0.3', 408, '159', 'TIMEOUT_EXCEEDED'],
    ['SELECT 1; SELECT 2', 400, '62', 'SYNTAX_ERROR'],
    ['', 400, '62', 'SYNTAX_ERROR'],
    ["SELECT 1 INTO OUTFILE '/tmp/x'", 403, '497', 'ACCESS_DENIED'],
    ["SELECT * FROM /**/ `file` ('/etc/passwd', 'LineAsString')", 403, '497', 'ACCESS_DENIED'],
    ["SELECT url\u00a0('http://127.0.0.1/', 'CSV')", 403, '497', 'ACCESS_DENIED'],
    ["INSERT INTO FUNCTION file('/tmp/x') SELECT 1", 403, '497', 'ACCESS_DENIED'],
    ['SYSTEM SHUTDOWN', 403, '497', 'ACCESS_DENIED'],
  ])('answers %j with %s and its code', async (query, status, code, type) => {
    const response = await world.fetch('/', { method: 'POST', body: query });
    const text = await response.text();
    expect([response.status, response.headers.get('x-clickhouse-exception-code')]).toEqual([status, code]);
    expect(text).toMatch(new RegExp(`^Code: ${code}\\. DB::Exception: [^]*\\(${type}\\) \\(version [\\d.]+\\)\\n$`));
    expect(text).not.toMatch(/mr:|pipe-/);
  });

  it('raises an error that comes in the middle of rows', async () => {
    const query = 'SELECT throwIf(number = 2000000) AS x, number FROM numbers(4000000)';
    const read = async (): Promise<number> => {
      const answer = await client.query({ query, format: 'JSONEachRow' });
      let count = 0;
      for await (const rows of answer.stream()) count += rows.length;
      return count;
    };
    await expect(read()).rejects.toBeInstanceOf(ClickHouseError);
    const csv = await client.query({ query, format: 'CSV' });
    await expect(csv.text()).rejects.toThrow('aborted');
    const response = await world.fetch('/?wait_end_of_query=1', { method: 'POST', body: query });
    expect([response.status, response.headers.get('x-clickhouse-exception-code')]).toEqual([500, '395']);
  });

  it('sends a large JSON result whole, plain and compressed', async () => {
    const query = 'SELECT number, repeat(toString(number), 3) AS s FROM numbers(300000)';
    for (const response of [false, true]) {
      const answer = await world.client({ compression: { response } }).query({ query, format: 'JSON' });
      const { data, rows } = await answer.json<{ number: string; s: string }>();
      expect([rows, data.length, data.at(-1)!.s]).toEqual([300_000, 300_000, '299999'.repeat(3)]);
    }
  });

  it('compresses with gzip and deflate only where it is asked to', async () => {
    const ask = (path: string, encoding: string): Promise<Response> =>
      world.fetch(path, { headers: { 'Accept-Encoding': encoding } });
    const encodings = [
      await ask('/?query=SELECT+1&enable_http_compression=1', 'gzip, br'),
      await ask('/?query=SELECT+1&enable_http_compression=1', 'deflate'),
      await ask('/?query=SELECT+1&enable_http_compression=1', 'br'),
      await ask('/?query=SELECT+1', 'gzip'),
    ];
    expect(encodings.map((response) => response.headers.get('content-encoding'))).toEqual([
      'gzip',
      'deflate',
      null,
      null,
    ]);
    expect(await Promise.all(encodings.map((response) => response.text()))).toEqual(['1\n', '1\n', '1\n', '1\n']);
  });
});
