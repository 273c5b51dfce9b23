// Does the embedded ClickHouse tell how much a query read? True figures in its summary, and results that show nothing of how they are got.
import type { ClickHouseClient } from '@clickhouse/client';
import fc from 'fast-check';
import { figuredResult } from '../../src/embedded/clickhouse/figures';
import { World, rowsOf } from './embedded-clickhouse.harness';

interface Figures {
  readonly read_rows: string;
  readonly read_bytes: string;
  readonly result_rows: string;
}

describe('figures of the embedded ClickHouse', () => {
  let world: World;
  let client: ClickHouseClient;
  beforeAll(async () => {
    world = await World.start();
    client = world.client();
    await client.command({ query: 'CREATE TABLE read (n UInt64, t String) ENGINE = MergeTree ORDER BY n' });
    await client.command({ query: 'INSERT INTO read SELECT number, toString(number) FROM numbers(300000)' });
    // Skipping what an earlier query found empty is no less true, but makes two runs differ.
    await client.command({ query: 'SYSTEM DROP QUERY CONDITION CACHE' });
  });
  afterAll(() => world.stop());

  const figuresOf = async (query: string, format: string, settings = {}): Promise<Figures> => {
    const result = await client.exec({
      query: `${query} FORMAT ${format}`,
      clickhouse_settings: { use_query_condition_cache: 0, ...settings },
    });
    for await (const _ of result.stream) {
      // Read to the end.
    }
    return result.summary as unknown as Figures;
  };

  it.each(['JSONEachRow', 'JSON', 'JSONCompact'])(
    'are rows and bytes read, not those of the result: %s',
    async (format) => {
      for (const settings of [{}, { wait_end_of_query: 1 }] as const) {
        expect(await figuresOf('SELECT sum(n) AS s FROM read', format, settings)).toMatchObject({
          read_rows: '300000',
          read_bytes: '2400000',
          result_rows: '1',
        });
        expect(await figuresOf("SELECT n FROM read WHERE t = 'no such'", format, settings)).toMatchObject({
          read_rows: '300000',
          result_rows: '0',
        });
      }
    },
  );

  it('are complete in the head of a large result that is waited for', async () => {
    expect(await figuresOf('SELECT n, t FROM read', 'JSONEachRow', { wait_end_of_query: 1 })).toMatchObject({
      read_rows: '300000',
      result_rows: '300000',
    });
  });

  it('count every part of a query', async () => {
    const query = "SELECT count() FROM read WHERE n IN (SELECT n FROM read WHERE t != '5')";
    expect(Number((await figuresOf(query, 'JSONEachRow')).read_rows)).toBe(600_000);
  });

  it.each([
    ['totals', 'SELECT number % 2 AS g, count() AS c FROM numbers(10) GROUP BY g WITH TOTALS ORDER BY g'],
    ['extremes', 'SELECT number % 2 AS g, count() AS c FROM numbers(10) GROUP BY g ORDER BY g SETTINGS extremes = 1'],
    ['a limit', 'SELECT number AS g, 5 AS c FROM numbers(1000) LIMIT 2'],
  ])('leave no trace in the rows: %s', async (_, query) => {
    expect((await rowsOf(client, query)).map((row) => Object.keys(row))).toEqual([
      ['g', 'c'],
      ['g', 'c'],
    ]);
  });

  it('leave an array of rows as it is', async () => {
    const response = await world.fetch('/?output_format_json_array_of_rows=1', {
      method: 'POST',
      body: 'SELECT number AS a FROM numbers(2) FORMAT JSONEachRow',
    });
    expect(await response.json()).toEqual([{ a: 0 }, { a: 1 }]);
    expect(response.headers.get('x-clickhouse-format')).toBe('JSONEachRow');
  });

  it('gives each row as it was, however the bytes are cut', () => {
    const value = fc.record({ row: fc.jsonValue(), progress: fc.string() });
    fc.assert(
      fc.property(fc.array(value), fc.array(fc.nat(), { maxLength: 8 }), (values, places) => {
        const rows = values.map((one) => JSON.stringify(one));
        const progress = '{"progress":{"read_rows":"7","read_bytes":"9"}}\n';
        const bytes = Buffer.from(
          `{"meta":[]}\n${rows.map((row, at) => `${at === 1 ? progress : ''}{"row":${row}}\n`).join('')}${progress}`,
        );
        const result = figuredResult('JSONEachRow', '', new Map());
        const edges = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
        const taken = edges.slice(1).map((edge, at) => result.take(bytes.subarray(edges[at], edge)));
        expect(Buffer.concat(taken).toString()).toBe(rows.map((row) => `${row}\n`).join(''));
        expect(result.figures).toEqual({ rows: 7, bytes: 9 });
      }),
    );
  });
});
