// What does a damaged block of the spool cost? Its own events, loudly, and nothing that waits behind it.
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { Metrics } from '../../src/platform/metrics/metrics';
import { aProject, ask, someStores, startTestApp, until, type AProject, type TestApp } from '../support';
import { aFaultyStore, type FaultyStore } from '../support/faults';

let app: TestApp;
let clickhouse: FaultyStore;
let postgres: Client;
let project: AProject;

beforeAll(async () => {
  const urls = await someStores();
  clickhouse = await aFaultyStore(urls.clickhouse);
  app = await startTestApp({ urls: { ...urls, clickhouse: clickhouse.url }, env: { LOG_LEVEL: 'silent' } });
  postgres = new Client({ connectionString: urls.postgres });
  await postgres.connect();
});
afterAll(async () => {
  await postgres.end();
  await app.close();
  await clickhouse.close();
});
beforeEach(async () => {
  project = await aProject(app);
});

async function send(count: number): Promise<string[]> {
  const events = Array.from({ length: count }, () => ({
    id: randomUUID(),
    name: 'a',
    visitorId: 'v',
    timestamp: Date.now(),
  }));
  const { status } = await ask(app, '/events/batch', { key: project.keys.sec, body: { events } });
  expect([200, 202]).toContain(status);
  return events.map(({ id }) => id);
}

/** Events that wait, a block each. @returns their ids by the id of the row */
async function waiting(blocks: number): Promise<Map<number, string[]>> {
  clickhouse.set('refuse');
  const waits = new Map<number, string[]>();
  for (let block = 0; block < blocks; block += 1) {
    const ids = await send(5);
    const { rows } = await postgres.query<{ id: string }>('SELECT max(id) AS id FROM ingest_spool');
    waits.set(Number(rows[0]?.id), ids);
  }
  return waits;
}

const storedIds = async (): Promise<string[]> => {
  const { body } = await ask<{ data?: { id: string }[] }>(app, '/events?limit=1000', { key: project.keys.sec });
  return (body.data ?? []).map(({ id }) => id).sort();
};

const damage = {
  'a byte changed': 'set_byte(body, octet_length(body) / 2, 255 - get_byte(body, octet_length(body) / 2))',
  'its end is cut off': 'substring(body FROM 1 FOR octet_length(body) - 9)',
  'nothing is left of it': "''::bytea",
} as const;

it.each(Object.entries(damage))(
  'what waits behind a block of which %s is stored',
  async (_name, change) => {
    const waits = await waiting(4);
    const [, second] = [...waits.keys()];
    await postgres.query(`UPDATE ingest_spool SET body = ${change} WHERE id = $1`, [second]);
    const before = await damagedBlocks();
    clickhouse.set('pass');
    const wanted = [...waits]
      .filter(([id]) => id !== second)
      .flatMap(([, ids]) => ids)
      .sort();
    expect(await until(storedIds, (seen) => seen.length >= wanted.length, 30_000)).toEqual(wanted);
    const { rows } = await postgres.query(
      'SELECT id::int AS id FROM ingest_spool WHERE damaged_at IS NOT NULL AND id = $1',
      [second],
    );
    expect(rows).toEqual([{ id: second }]);
    expect(await damagedBlocks()).toBe(before + 1);
  },
  60_000,
);

const damagedBlocks = async (): Promise<number> => {
  const { values } = await app.app.get(Metrics).spoolDamaged.get();
  return values.reduce((sum, { value }) => sum + value, 0);
};

it('goes when a project is erased: it may hold something of it', async () => {
  const [row] = [...(await waiting(1)).keys()];
  await postgres.query(`UPDATE ingest_spool SET body = ''::bytea WHERE id = $1`, [row]);
  clickhouse.set('pass');
  const { status } = await ask(app, `/projects/${project.id}`, { method: 'DELETE', key: app.rootKey });
  expect(status).toBe(202);
  const left = async (): Promise<number> =>
    (await postgres.query('SELECT 1 FROM ingest_spool WHERE id = $1', [row])).rowCount ?? 0;
  expect(await until(left, (count) => count === 0, 60_000)).toBe(0);
});
