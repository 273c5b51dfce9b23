// Is somebody who was erased gone, everywhere and for good? On the real stores, from a request to the rows.
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { hashIdentifier } from '../../src/events/pipeline';
import { ErasureTimes } from '../../src/events';
import { Postgres } from '../../src/platform/postgres/postgres';
import { type AProject, aProject, ask, askClickHouse, startTestApp, type TestApp, until } from '../support';

jest.setTimeout(120_000);

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ env: { INSERT_TIMEOUT_MS: '1000', QUERY_TIMEOUT_MS: '3000' } });
  // Whoever reads does so in a moment here.
  Object.assign(app.app.get(ErasureTimes, { strict: false }), { readersMs: 300, writersMs: 1_500, gatherMs: 300 });
});
afterAll(() => app.close());

const at = (time: string): string => `2026-03-01T${time}.000Z`;
const event = (more: Record<string, unknown>) => ({
  id: randomUUID(),
  name: 'pageview',
  timestamp: at('08:00:00'),
  url: 'https://shop.example/',
  ...more,
});

interface Sent {
  accepted: number;
  duplicates: number;
  filtered: { index: number; reason: string }[];
  rejected: unknown[];
}
const send = async (project: AProject, events: object[], more: object = {}): Promise<Sent> => {
  const { status, body } = await ask<Sent>(app, '/events/batch', { key: project.keys.sec, body: { events, ...more } });
  expect(status).toBe(200);
  return body;
};

interface Job {
  id: string;
  state: string;
}
const erase = (project: AProject, id: string) =>
  ask<{ job: Job }>(app, `/visitors/${id}`, { key: project.keys.adm, method: 'DELETE' });
const done = async (project: AProject, job: Job): Promise<string> =>
  (
    await until(
      async () => (await ask<Job>(app, `/jobs/${job.id}`, { key: project.keys.adm })).body,
      ({ state }) => state === 'completed' || state === 'failed',
      60_000,
    )
  ).state;
const eraseAll = async (project: AProject, id: string): Promise<void> => {
  const { status, body } = await erase(project, id);
  expect(status).toBe(202);
  expect(await done(project, body.job)).toBe('completed');
};

const directory = async (project: AProject): Promise<string[]> =>
  (
    await ask<{ data: { id: string }[] }>(app, '/visitors?from=2026-01-01&to=2027-12-31&limit=100', {
      key: project.keys.adm,
    })
  ).body.data.map(({ id }) => id);

/** The hashes of identifiers in a project, as the API shows them. */
async function hashesIn(project: AProject): Promise<(kind: 'v' | 'u', text: string) => string> {
  const rows = await app.app
    .get(Postgres)
    .run((db) => db.execute<{ secret: Buffer }>(sql`SELECT secret FROM projects WHERE id = ${project.id}`));
  const { secret } = rows.rows[0]!;
  return (kind, text) => hashIdentifier({ secret }, kind, text);
}

/** Tables of both stores in which any of these texts stands, deleted rows that are still on the disk included. */
async function tablesWith(texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const holds = (rows: string): boolean => texts.some((text) => rows.includes(text));
  const listed = await askClickHouse(
    app.urls.clickhouse,
    'SELECT name FROM system.tables WHERE database = currentDatabase()',
  );
  for (const name of listed.trim().split('\n'))
    if (
      holds(
        await askClickHouse(
          app.urls.clickhouse,
          `SELECT * FROM ${name} SETTINGS apply_deleted_mask = 0 FORMAT JSONEachRow`,
        ),
      )
    )
      found.push(name);
  const postgres = app.app.get(Postgres);
  const tables = await postgres.run((db) =>
    db.execute<{ name: string }>(sql`
      SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`),
  );
  for (const { name } of tables.rows) {
    const { rows } = await postgres.run((db) =>
      db.execute<{ row: string }>(sql.raw(`SELECT each::text AS row FROM ${name} AS each`)),
    );
    if (holds(rows.map(({ row }) => row).join('\n'))) found.push(name);
  }
  return found;
}
const inAllForms = (hashes: readonly string[]): string[] =>
  hashes.flatMap((hash) => [hash, BigInt(`0x${hash}`).toString()]);

describe('an erased user', () => {
  let project: AProject;
  let hashes: string[];
  let ada: string;
  const events = [
    event({ visitorId: 'ada-phone' }),
    event({ visitorId: 'ada-desk', userId: 'ada', timestamp: at('09:00:00') }),
    event({ userId: 'ada', timestamp: at('10:00:00') }),
  ];
  beforeAll(async () => {
    project = await aProject(app);
    const hashOf = await hashesIn(project);
    ada = hashOf('u', 'ada');
    hashes = [ada, hashOf('v', 'ada-phone'), hashOf('v', 'ada-desk')];
    await send(project, [...events, event({ visitorId: 'bob' })]);
    const key = project.keys.sec;
    await ask(app, '/visitors/identify', {
      key,
      headers: { 'idempotency-key': 'once' },
      body: { userId: 'ada', visitorId: 'ada-phone', traits: { plan: 'pro' } },
    });
    await send(project, [
      { name: '', userId: 'ada' },
      { name: '', visitorId: 'ada-phone', context: 1 },
    ]);
    const unreadable = await fetch(`${app.url}/api/v1/events/batch`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/x-ndjson' },
      body: '{"name":"a","visitorId":"ada-phone","properties":{',
    });
    expect(unreadable.status).toBe(200);
    expect(await tablesWith(['"ada-phone', 'ada-phone\\'])).toEqual([]);
    expect(await tablesWith(inAllForms(hashes))).toEqual(
      expect.arrayContaining(['events', 'visitor_links', 'rejected_events', 'public.visitor_traits']),
    );
    await eraseAll(project, hashes[1]!);
  });

  it('is in no table of either store, also after merges', async () => {
    expect(await tablesWith(inAllForms(hashes))).toEqual([]);
    for (const table of ['events', 'visitor_links', 'rejected_events'])
      await askClickHouse(app.urls.clickhouse, `OPTIMIZE TABLE ${table} FINAL`);
    expect(await tablesWith(inAllForms(hashes))).toEqual([]);
  });

  it('leaves others as they are', async () => {
    const hashOf = await hashesIn(project);
    expect(await directory(project)).toEqual([hashOf('v', 'bob')]);
  });

  it('does not come back with a batch that is sent again', async () => {
    const again = await send(project, [...events, event({ visitorId: 'new-device', userId: 'ada' })]);
    expect([again.accepted, again.filtered.map(({ reason }) => reason)]).toEqual([0, Array(4).fill('erased_visitor')]);
    await send(project, [{ name: '', userId: 'ada' }]);
    expect(await tablesWith(inAllForms(hashes))).toEqual([]);
  });

  it('can be erased again, and begins anew', async () => {
    await eraseAll(project, ada);
    const now = new Date().toISOString();
    const { accepted } = await send(project, [
      event({ visitorId: 'ada-phone', timestamp: now }),
      event({ visitorId: 'ada-phone', userId: 'ada', timestamp: now }),
    ]);
    expect(accepted).toBe(2);
    const profile = await ask<{ events: number; traits: unknown; visitorIds: string[] }>(app, `/visitors/${ada}`, {
      key: project.keys.adm,
    });
    expect(profile.body).toMatchObject({ events: 2, traits: null, visitorIds: [hashes[1]] });
  });
});

it('knows events that come again with a time of the server by their ids', async () => {
  const project = await aProject(app);
  const hashOf = await hashesIn(project);
  const timeless = { id: randomUUID(), name: 'buy', visitorId: 'carl' };
  const stamped = event({ visitorId: 'carl', timestamp: new Date().toISOString() });
  const sentAt = new Date().toISOString();
  const ahead = event({ visitorId: 'carl', timestamp: new Date(Date.now() + 1_800_000).toISOString() });
  expect((await send(project, [timeless, stamped, ahead], { sentAt })).accepted).toBe(3);
  await eraseAll(project, hashOf('v', 'carl'));
  const again = await send(project, [timeless, stamped, ahead], { sentAt });
  expect(again).toMatchObject({ accepted: 0, filtered: [{ index: 0 }, { index: 1 }, { index: 2 }] });
  const later = await send(project, [timeless, ahead]);
  expect(later).toMatchObject({ accepted: 0, filtered: [{ index: 0 }, { index: 1 }] });
  expect((await send(project, [{ id: randomUUID(), name: 'buy', visitorId: 'carl' }])).accepted).toBe(1);
});

it('is not there for whom nothing is known, and asks for its scope', async () => {
  const project = await aProject(app);
  expect((await erase(project, '0123456789abcdef')).status).toBe(404);
  const { status } = await ask(app, '/visitors/0123456789abcdef', { key: project.keys.sec, method: 'DELETE' });
  expect(status).toBe(403);
});
