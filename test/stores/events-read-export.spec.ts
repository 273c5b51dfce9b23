// Does an export hold what the list shows, run nothing in a table program, need no memory, and end visibly when it fails?
import { Session } from 'chdb';
import fc from 'fast-check';
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { EXPORT_COLUMNS } from '../../src/events/read/export.queries';
import type { EventDto } from '../../src/events/read/event.dto';
import { aClickHouseDatabase, askClickHouse } from '../support';
import { migrateClickHouse } from '../../src/platform/clickhouse/migrate';
import { type ReadApp, ReadProject, startReadApp } from './events-read.harness';

const NOON = Date.UTC(2026, 2, 10, 12);
const ROWS = 200_000;

let store: string;
let app: ReadApp;
beforeAll(async () => {
  store = await aClickHouseDatabase();
  await migrateClickHouse(store, undefined);
  app = await startReadApp(store);
});
afterAll(() => app.close());

const aProject = (): ReadProject => new ReadProject(app);
const body = async (answer: Response): Promise<Buffer> => Buffer.from(await answer.arrayBuffer());

/** A request whose answer is read by hand. */
const open = (project: ReadProject, path: string, base = app.url): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    get(`${base}/events${path}`, { headers: { 'x-test-project': project.project.id }, agent: false }, resolve).on(
      'error',
      reject,
    );
  });

/** A minimal reader of RFC 4180. */
const readCsv = (text: string): string[][] =>
  [...text.matchAll(/(?:^|(?<=\n))(?:(?:"(?:[^"]|"")*"|[^",\n]*)(?:,|\n))+?(?<=\n)/g)].map(([line]) =>
    [...line.matchAll(/("(?:[^"]|"")*"|[^",\n]*)[,\n]/g)].map(([, cell = '']) =>
      cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell,
    ),
  );

/** 200,000 events of one visitor, made by the engine itself. */
const fill = (project: ReadProject): Promise<string> =>
  askClickHouse(
    store,
    `INSERT INTO events (project_id, ts, received_at, event_id, name, visitor_id, path, title, properties)
     SELECT ${project.project.number}, fromUnixTimestamp64Milli(toInt64(${NOON} + number)), now64(3), generateUUIDv4(), 'pageview', 7,
       concat('/', toString(number)), repeat('title', 40), map('n', toString(number)) FROM numbers(${ROWS})`,
  );

describe('an export as NDJSON', () => {
  it('has a line for each event, of the list’s shape, and follows the same filters', async () => {
    const project = aProject();
    await project.store(
      { ts: NOON, name: 'a\nb', properties: { plan: 'pro', deep: { list: [1, null] } }, revenue: '3', currency: 'JPY' },
      { ts: NOON + 1, country: 'DE', user: 'e'.repeat(16) },
    );
    const list = await project.get<{ data: EventDto[] }>('', { order: 'asc' });
    const lines = async (query: string): Promise<EventDto[]> => {
      const answer = await project.fetch(`/export?format=ndjson${query}`);
      expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
      expect(answer.headers.get('content-disposition')).toBe('attachment; filename="events.ndjson"');
      const all = (await answer.text()).split('\n').filter((line) => line !== '');
      return all.map((line) => JSON.parse(line) as EventDto).sort((a, b) => a.timestamp.localeCompare(b.timestamp));
    };
    expect(await lines('')).toEqual(list.data);
    expect(await lines('&filters=["is","country",["DE"]]')).toEqual(list.data.slice(1));
    expect(await lines('&filters=["is","entryPage",["/none"]]')).toEqual([]);
    expect(await lines(`&userId=${'e'.repeat(16)}`)).toEqual(list.data.slice(1));
    expect(await lines('&to=2026-03-09')).toEqual([]);
  });

  it('holds no event of another project', async () => {
    await aProject().store({ ts: NOON });
    expect(await (await aProject().fetch('/export?format=ndjson')).text()).toBe('');
  });

  it('is compressed for who reads gzip', async () => {
    const project = aProject();
    await project.store({ ts: NOON });
    const path = '/export?format=ndjson';
    const raw = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { 'x-test-project': project.project.id, 'accept-encoding': 'br, gzip;q=0.5' };
      get(`${app.url}/events${path}`, { headers, agent: false }, resolve).on('error', reject);
    });
    expect(raw.headers['content-encoding']).toBe('gzip');
    const plain = await project.fetch(path, { headers: { 'accept-encoding': 'gzip;q=0, identity' } });
    expect(plain.headers.get('content-encoding')).toBeNull();
    const chunks: Buffer[] = [];
    for await (const chunk of raw) chunks.push(chunk as Buffer);
    expect(gunzipSync(Buffer.concat(chunks)).toString()).toBe(await plain.text());
  });
});

describe('a line of NDJSON', () => {
  const texts = fc.constantFrom('', 'a', 'é"\\/\n\t\u0001\u2028', "'", '{"x":1}', '😀');
  const columns =
    'origin hostname path query title referrer referrer_host source channel utm_source utm_medium utm_campaign utm_content utm_term country ' +
    'region city browser browser_version os os_version device screen language timezone ip name';
  const event = fc.record({
    texts: fc.record(Object.fromEntries(columns.split(' ').map((column) => [column, texts]))),
    ts: fc.integer({ min: 0, max: Date.UTC(2120, 0, 1) }),
    money: fc.record({
      revenue: fc.constantFrom('0', '3', '-12.5', '0.0375', '100', '19.99', '99999999999999.9999'),
      currency: fc.constantFrom('', 'EUR'),
    }),
    flags: fc.integer({ min: 0, max: 7 }),
    user: fc.constantFrom('0', '00000000000000ff', 'ffffffffffffffff'),
    properties: fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }),
  });

  it('is what the list shows, whatever was stored', () =>
    fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 20 }), async (events) => {
        const project = aProject();
        await project.store(
          ...events.map(({ texts: values, money, ...rest }) => ({ ...rest, ...money, ...values, session: rest.user })),
        );
        const { data } = await project.get<{ data: EventDto[] }>('');
        const file = await (await project.fetch('/export?format=ndjson')).text();
        const lines = file.split('\n').filter((line) => line !== '');
        const byId = (a: EventDto, b: EventDto): number => a.id.localeCompare(b.id);
        expect(lines.map((line) => JSON.parse(line) as EventDto).sort(byId)).toEqual([...data].sort(byId));
      }),
      { numRuns: 15 },
    ));
});

describe('an export as CSV', () => {
  it('has a cell a field, and an apostrophe before what would be a formula', async () => {
    const project = aProject();
    const title = 'quoted "x", two\nlines';
    const [id] = await project.store({
      ts: NOON + 7,
      name: '=HYPERLINK("x")',
      title,
      path: '+1',
      query: '-1',
      source: '@SUM(A1)',
      channel: '\tx',
      city: '\rx',
      utm_term: "'=1",
      country: 'DE',
      flags: 1,
      revenue: '-12.5',
      currency: 'EUR',
      properties: { plan: '=1', seats: -1 },
    });
    const answer = await project.fetch('/export?format=csv');
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="events.csv"');
    const [head = [], cells = [], ...more] = readCsv(await answer.text());
    expect([head, more]).toEqual([[...EXPORT_COLUMNS], []]);
    const row = Object.fromEntries(head.map((name, at) => [name, cells[at]]));
    expect(row).toMatchObject({
      id,
      name: '\'=HYPERLINK("x")',
      timestamp: '2026-03-10T12:00:00.007Z',
      visitorId: '00000000000000a1',
      userId: '',
      title,
      path: "'+1",
      query: "'-1",
      url: "'+1-1",
      source: "'@SUM(A1)",
      channel: "'\tx",
      city: "'\rx",
      utmTerm: "'=1",
      country: 'DE',
      region: '',
      revenueAmount: '-12.5',
      revenueCurrency: 'EUR',
      properties: '{"plan":"=1","seats":-1}',
      bot: 'true',
    });
  });

  it('of nothing has its head alone, and an event without money no amount', async () => {
    const project = aProject();
    expect(readCsv(await (await project.fetch('/export?format=csv')).text())).toEqual([[...EXPORT_COLUMNS]]);
    await project.store({ ts: NOON });
    const [, cells = []] = readCsv(await (await project.fetch('/export?format=csv')).text());
    expect(cells[EXPORT_COLUMNS.indexOf('revenueAmount')]).toBe('');
  });
});

describe('an export as Parquet', () => {
  it('has typed columns, and null where nothing is known', async () => {
    const project = aProject();
    const [id] = await project.store({
      ts: NOON + 7,
      country: 'DE',
      revenue: '12.5',
      currency: 'EUR',
      properties: { a: 1 },
    });
    const folder = mkdtempSync(join(tmpdir(), 'millrace-export-'));
    try {
      const file = join(folder, 'events.parquet');
      const bytes = await body(await project.fetch('/export?format=parquet'));
      writeFileSync(file, bytes);
      const engine = new Session();
      const ask = (query: string, format: string): string => engine.query(query, format);
      const types = ask(`DESCRIBE file('${file}', Parquet)`, 'TSV');
      expect(types).toMatch(/^timestamp\t.*DateTime64\(3, \\?'UTC\\?'\)/m);
      expect(types).toMatch(/^revenueAmount\t.*Decimal\(18, 4\)/m);
      expect(types).toMatch(/^bot\t.*Bool/m);
      const columns = 'id, country, city, revenueAmount, properties, bot';
      const row = ask(`SELECT ${columns} FROM file('${file}', Parquet)`, 'JSONCompactEachRow');
      engine.cleanup();
      expect(JSON.parse(row)).toEqual([id, 'DE', null, 12.5, '{"a":1}', false]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a big export', () => {
  let project: ReadProject;
  beforeAll(async () => {
    project = aProject();
    await fill(project);
  });

  const running = async (): Promise<number> =>
    Number(
      await askClickHouse(
        store,
        `SELECT count() FROM system.processes WHERE query LIKE '%AS line%' AND query NOT LIKE '%processes%'`,
      ),
    );

  it('waits for a slow reader in constant memory, and comes whole', async () => {
    const before = process.memoryUsage().rss;
    const answer = await open(project, '/export?format=ndjson');
    answer.pause();
    await sleep(3_000);
    // The whole is 250 MB; what a paused reader leaves behind is what a few buffers hold.
    const waiting = process.memoryUsage().rss - before;
    let lines = 0;
    let most = 0;
    for await (const chunk of answer) {
      const bytes = chunk as Buffer;
      for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) lines += 1;
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    expect(lines).toBe(ROWS);
    expect(answer.complete).toBe(true);
    expect(waiting).toBeLessThan(80_000_000);
    expect(most).toBeLessThan(150_000_000);
  });

  it('stops the query of a client that has gone', async () => {
    const answer = await open(project, '/export?format=ndjson');
    await new Promise((resolve) => answer.once('data', resolve));
    answer.pause();
    const during = await running();
    answer.destroy();
    let left = during;
    for (let tries = 0; tries < 50 && left > 0; tries += 1) {
      await sleep(100);
      left = await running();
    }
    expect([during, left]).toEqual([1, 0]);
  });
});

describe('a failing export', () => {
  let server: Server;
  let behave: (response: import('node:http').ServerResponse) => void;
  let broken: ReadApp;
  let project: ReadProject;
  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume();
      request.on('end', () => behave(response));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    broken = await startReadApp(`http://127.0.0.1:${(server.address() as AddressInfo).port}/default`);
    project = new ReadProject(broken);
  });
  afterAll(async () => {
    await broken.close();
    await new Promise((resolve) => server.close(resolve));
  });

  const read = async (path: string): Promise<{ text: string; whole: boolean }> => {
    const answer = await open(project, path, broken.url);
    let text = '';
    try {
      for await (const chunk of answer) text += (chunk as Buffer).toString();
    } catch {
      return { text, whole: false };
    }
    return { text, whole: answer.complete };
  };

  it.each(['csv', 'ndjson', 'parquet'])(
    'as %s breaks the connection when the warehouse breaks its own',
    async (format) => {
      behave = (response) => {
        response.writeHead(200).write('"id"\n'.repeat(10_000), () => setTimeout(() => response.destroy(), 50));
      };
      expect(await read(`/export?format=${format}`)).toMatchObject({ whole: false });
    },
  );

  it.each(['csv', 'ndjson', 'parquet'])(
    'as %s breaks the connection when the engine fails half-way, and keeps its words back',
    async (format) => {
      const tag = randomBytes(8).toString('hex');
      behave = (response) => {
        response.writeHead(200, { 'X-ClickHouse-Exception-Tag': tag });
        response.write('"id"\n'.repeat(1_000), () => {
          response.end(
            `\r\n__exception__\r\n${tag}\r\nCode: 241. DB::Exception: secret\n9 ${tag}\r\n__exception__\r\n`,
          );
        });
      };
      const { text, whole } = await read(`/export?format=${format}`);
      expect([whole, text.includes('secret')]).toEqual([false, false]);
    },
  );

  it('is a 503 where the warehouse is away before the first byte', async () => {
    behave = (response) => response.destroy();
    const answer = await project.fetch('/export?format=csv');
    const problem = (await answer.json()) as { code: string };
    expect([answer.status, problem.code, answer.headers.get('content-disposition')]).toEqual([
      503,
      'store_unavailable',
      null,
    ]);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    for (const path of ['', `/${randomUUID()}`, '/summary', '/timeseries?period=7d', '/properties', '/rejected'])
      expect((await project.fetch(path)).status).toBe(503);
  });
});
