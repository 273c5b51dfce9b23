// What is a 202 worth? Events that arrive while the warehouse is away, over HTTP, on the real stores behind a proxy.
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { StoreUrls } from '../../src/config/env';
import { aClickHouseDatabase, aPostgresDatabase, askClickHouse, startTestApp, type TestApp } from '../support';
import { aFaultyStore, type FaultyStore } from '../support/faults';
import { aProject, type AProject, ask, until } from '../support/projects';

interface Sent {
  accepted: number;
  duplicates: number;
  rejected: unknown[];
  code?: string;
}

let clickhouse: FaultyStore;
let postgres: FaultyStore;
let urls: StoreUrls;
let app: TestApp;
let project: AProject;

beforeAll(async () => {
  clickhouse = await aFaultyStore(await aClickHouseDatabase());
  postgres = await aFaultyStore(await aPostgresDatabase());
  urls = new StoreUrls(postgres.url, clickhouse.url);
  app = await startTestApp({ urls, env: { INSERT_TIMEOUT_MS: '1500', SPOOL_MAX_MB: '1', LOG_LEVEL: 'silent' } });
});
afterAll(async () => {
  await app.close();
  await Promise.all([clickhouse.close(), postgres.close()]);
});
beforeEach(async () => {
  project = await aProject(app);
});
afterEach(async () => {
  clickhouse.set('pass');
  postgres.set('pass');
  // The next test begins with a warehouse that is known to be up.
  await until(
    async () => (await send(1)).status,
    (status) => status === 200,
  );
});

const someEvents = (count: number, more: Record<string, unknown> = {}) =>
  Array.from({ length: count }, () => ({
    id: randomUUID(),
    name: 'a',
    visitorId: 'v',
    timestamp: Date.now(),
    ...more,
  }));
const sendAll = (events: unknown[]) => ask<Sent>(app, '/events/batch', { key: project.keys.sec, body: { events } });
const send = (count: number) => sendAll(someEvents(count));

async function ids(): Promise<string[]> {
  const { body } = await ask<{ data: { id: string }[] }>(app, '/events?limit=1000', { key: project.keys.sec });
  return body.data.map(({ id }) => id).sort();
}

describe.each(['refuse', 'hang', 'mute'] as const)('with a warehouse that is away (%s)', (fault) => {
  it('events are answered 202 and appear when it is back, once', async () => {
    const before = someEvents(20);
    expect((await sendAll(before)).status).toBe(200);
    clickhouse.set(fault);
    const meanwhile = [someEvents(20), someEvents(20, { name: 'b', timestamp: undefined }), someEvents(20)];
    for (const events of meanwhile) {
      const { status, body } = await sendAll(events);
      expect([status, body.accepted]).toEqual([202, 20]);
    }
    // A client that is unsure sends again.
    expect((await sendAll(meanwhile[0]!)).body.duplicates).toBe(20);
    clickhouse.set('pass');
    const all = [before, ...meanwhile]
      .flat()
      .map(({ id }) => id)
      .sort();
    expect(await until(ids, (seen) => seen.length >= all.length, 20_000)).toEqual(all);
    expect((await sendAll(meanwhile.flat())).body.accepted).toBe(0);
    expect(await ids()).toEqual(all);
  });
});

it('a connection that is never answered does not hold up what waits', async () => {
  const events = someEvents(20);
  clickhouse.set('hang');
  expect((await sendAll(events)).status).toBe(202);
  // Long enough for the spool to be tried meanwhile: that try stays without an answer though the warehouse is back.
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  clickhouse.set('pass');
  expect(await until(ids, (seen) => seen.length >= events.length, 20_000)).toEqual(events.map(({ id }) => id).sort());
});

it('a question is answered 503 then, never with nothing', async () => {
  clickhouse.set('refuse');
  for (const path of ['/events', '/stats/overview?period=today', '/events/rejected']) {
    const { status, headers } = await ask(app, path, { key: project.keys.sec });
    expect([path, status, headers.get('retry-after') !== null]).toEqual([path, 503, true]);
  }
});

it('refused events wait in the spool too', async () => {
  clickhouse.set('refuse');
  const { status, body } = await sendAll([{ name: 1 }]);
  expect([status, body.rejected.length]).toEqual([202, 1]);
  clickhouse.set('pass');
  const rejected = () => ask<{ data: unknown[] }>(app, '/events/rejected', { key: project.keys.sec });
  expect((await until(rejected, ({ body: seen }) => seen.data?.length === 1, 20_000)).body.data).toHaveLength(1);
});

it('a full spool refuses, keeps what it has, and nothing of what it refused', async () => {
  clickhouse.set('refuse');
  const kept: string[] = [];
  let refused: string[] = [];
  // Random text does not compress, so a megabyte is soon reached.
  for (let tries = 0; tries < 60 && refused.length === 0; tries += 1) {
    const events = someEvents(20, {}).map((event) => ({ ...event, properties: { noise: noise(3_000) } }));
    const { status, body, headers } = await sendAll(events);
    const sent = events.map(({ id }) => id);
    if (status === 202) kept.push(...sent);
    else {
      expect([status, body.code, Number(headers.get('retry-after')) > 0]).toEqual([503, 'spool_full', true]);
      refused = sent;
    }
  }
  expect([kept.length > 0, refused.length]).toEqual([true, 20]);
  clickhouse.set('pass');
  expect(await until(ids, (seen) => seen.length >= kept.length, 30_000)).toEqual(kept.sort());
});

it('with no store at all a request is refused and nothing of it is kept', async () => {
  clickhouse.set('refuse');
  await until(
    async () => (await send(1)).status,
    (status) => status === 202,
  );
  postgres.set('refuse');
  const events = someEvents(5);
  const { status, headers } = await sendAll(events);
  expect([status, Number(headers.get('retry-after')) > 0]).toEqual([503, true]);
  postgres.set('pass');
  clickhouse.set('pass');
  const again = await until(
    () => sendAll(events),
    ({ status: now }) => now !== 503,
    20_000,
  );
  expect(again.body).toMatchObject({ accepted: 5, duplicates: 0 });
});

it('without Postgres events of known keys are stored as ever', async () => {
  await send(1);
  postgres.set('refuse');
  expect((await send(10)).status).toBe(200);
});

const noise = (length: number): string => {
  let text = '';
  while (text.length < length) text += randomUUID().replaceAll('-', '');
  return text.slice(0, length);
};

it('what waits of a deleted project never comes back', async () => {
  const root = { key: app.rootKey };
  const gone = project;
  await send(2);
  const number = await numberOf(gone);
  clickhouse.set('refuse');
  await until(
    async () => (await send(3)).status,
    (status) => status === 202,
  );
  const deleted = await ask<{ job: { id: string } }>(app, `/projects/${gone.id}`, { ...root, method: 'DELETE' });
  clickhouse.set('pass');
  project = await aProject(app);
  const job = await until(
    () => ask<{ state: string }>(app, `/jobs/${deleted.body.job.id}`, root),
    ({ body }) => body.state === 'completed',
    50_000,
  );
  expect(job.body.state).toBe('completed');
  expect((await askClickHouse(urls.clickhouse, `SELECT count() FROM events WHERE project_id = ${number}`)).trim()).toBe(
    '0',
  );
});

async function numberOf({ id }: AProject): Promise<number> {
  const client = new Client({ connectionString: urls.postgres });
  await client.connect();
  const { rows } = await client.query<{ number: number }>('SELECT number FROM projects WHERE id = $1', [id]);
  await client.end();
  return rows[0]!.number;
}
