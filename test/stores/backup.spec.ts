// Is what a backup brings back what was there? Copies under load, a damaged copy, a cut-short one, and places where none may go.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { backupCommand } from '../../src/cli/backup/backup-command';
import { EmptyPostgres } from '../../src/cli/backup/postgres-restore';
import { restoreCommand } from '../../src/cli/backup/restore-command';
import type { Output } from '../../src/cli/command';
import type { StoreUrls } from '../../src/config/env';
import { aProject, ask, askClickHouse, someStores, startTestApp, until, type AProject, type TestApp } from '../support';
import { aFaultyStore, type FaultyStore } from '../support/faults';

// Each restores a whole instance, on whatever machine this is.
jest.setTimeout(240_000);

let folder: string;
let app: TestApp;
let project: AProject;
let clickhouse: FaultyStore;
/** The server's warehouse, past the proxy that takes it away from the server. */
let warehouse: string;
const restored: TestApp[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'backup-'));
  const urls = await someStores();
  warehouse = urls.clickhouse;
  clickhouse = await aFaultyStore(urls.clickhouse);
  app = await startTestApp({ urls: { ...urls, clickhouse: clickhouse.url }, env: { LOG_LEVEL: 'silent' } });
  project = await aProject(app, { timezone: 'Europe/Berlin' });
});
afterAll(async () => {
  for (const server of [...restored, app]) await server.close();
  await clickhouse.close();
  rmSync(folder, { recursive: true, force: true });
});

const quiet = (): Output & { lines: string[] } => {
  const lines: string[] = [];
  return { lines, line: (text) => void lines.push(text), note: () => undefined, interactive: false };
};

/** The variables that a command gets. */
const environmentOf = (urls: StoreUrls): NodeJS.ProcessEnv => ({
  DATABASE_URL: urls.postgres,
  CLICKHOUSE_URL: urls.clickhouse === clickhouse.url ? warehouse : urls.clickhouse,
});

async function backup(name: string): Promise<string> {
  const to = join(folder, name);
  expect(await backupCommand(['--to', to], environmentOf(app.urls), quiet())).toBe(0);
  return to;
}

const restoreInto = (urls: StoreUrls, from: string): Promise<number> =>
  restoreCommand(['--from', from], environmentOf(urls), quiet());

/** A server on a restored copy. */
async function restore(from: string): Promise<TestApp> {
  const urls = await someStores();
  expect(await restoreInto(urls, from)).toBe(0);
  const server = await startTestApp({ urls, rootKey: app.rootKey, env: { LOG_LEVEL: 'silent' } });
  restored.push(server);
  return server;
}

const someEvents = (count: number, more: Record<string, unknown> = {}) =>
  Array.from({ length: count }, (_, at) => ({
    id: randomUUID(),
    name: 'view "quoted"\t\\N',
    visitorId: `v${at % 7}`,
    timestamp: Date.now() - at * 40_000_000,
    properties: { at, list: [1, 'ä\n'], empty: '' },
    ...more,
  }));

const send = (server: TestApp, events: unknown[]) =>
  ask<{ accepted: number; duplicates: number }>(server, '/events/batch', { key: project.keys.sec, body: { events } });

async function stored(server: TestApp): Promise<Record<string, unknown>[]> {
  const answer = await fetch(`${server.url}/api/v1/events/export?format=ndjson&period=all`, {
    headers: { 'x-api-key': project.keys.sec },
  });
  const lines = (await answer.text()).split('\n').filter((line) => line !== '');
  return lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
}

it('brings back events, refused ones, projects, keys and what was set up, as they were', async () => {
  expect((await send(app, someEvents(300))).status).toBe(200);
  expect((await send(app, someEvents(5, { userId: 'u' }))).body.accepted).toBe(5);
  await send(app, [{ name: 7 }]);
  const goal = await ask(app, '/goals', {
    key: project.keys.adm,
    body: { name: 'Ünïcode\t"goal"', event: 'signup' },
  });
  expect(goal.status).toBe(201);

  const copy = await restore(await backup('whole'));
  expect(await stored(copy)).toEqual(await stored(app));
  for (const path of [
    '/goals',
    '/events/rejected?period=all',
    '/stats/overview?period=all',
    '/events/summary?period=all',
  ]) {
    const [there, here] = await Promise.all([app, copy].map((server) => ask(server, path, { key: project.keys.adm })));
    expect([path, here?.status, here?.body]).toEqual([path, 200, there?.body]);
  }
  // What comes after gets numbers that nobody had.
  const another = await aProject(copy);
  expect((await ask(copy, '/events?limit=10', { key: another.keys.sec })).body).toMatchObject({ data: [] });
});

it('has everything that was acknowledged before it began, once, also what waits for the warehouse', async () => {
  const before = someEvents(20);
  const waiting = someEvents(20);
  const unsure = someEvents(20, { timestamp: undefined });
  await send(app, [...before, ...unsure]);
  clickhouse.set('refuse');
  expect((await send(app, waiting)).status).toBe(202);
  const from = await backup('waiting');
  clickhouse.set('pass');
  const copy = await restore(from);
  const wanted = [...before, ...waiting, ...unsure].map(({ id }) => id);
  const ids = async (): Promise<string[]> => (await stored(copy)).map(({ id }) => String(id));
  const seen = await until(ids, (list) => wanted.every((id) => list.includes(id)), 120_000);
  expect(wanted.filter((id) => !seen.includes(id))).toEqual([]);
  expect(new Set(seen).size).toBe(seen.length);
  // A client that is unsure sends everything again, and nothing is counted twice.
  expect((await send(copy, [...before, ...waiting, ...unsure])).status).toBe(200);
  expect(await ids()).toEqual(seen);
});

it('holds while events come in: what was acknowledged before is there, what came after is whole or not there', async () => {
  const sent: string[] = [];
  const load = new AbortController();
  const lanes = Array.from({ length: 3 }, async () => {
    while (!load.signal.aborted) {
      const events = someEvents(10);
      const { status } = await send(app, events);
      if (status < 300) sent.push(...events.map(({ id }) => id));
    }
  });
  let promised: string[] = [];
  let from = '';
  try {
    await until(
      () => Promise.resolve(sent.length),
      (count) => count > 200,
      60_000,
    );
    promised = [...sent];
    from = await backup('under-load');
  } finally {
    load.abort();
    await Promise.all(lanes);
  }
  expect(promised.length).toBeGreaterThan(200);
  const copy = await restore(from);
  const seen = (await stored(copy)).map(({ id }) => String(id));
  expect(promised.filter((id) => !seen.includes(id))).toEqual([]);
  expect(new Set(seen).size).toBe(seen.length);
});

it('keeps to itself: others can read nothing of it, and it remembers no salt', async () => {
  const from = await backup('closed');
  for (const name of ['', ...readdirSync(from, { recursive: true, encoding: 'utf8' })])
    expect([name, statSync(join(from, name)).mode & 0o077]).toEqual([name, 0]);
  expect(readFileSync(join(from, 'manifest.json'), 'utf8')).not.toContain('visitor_salts');
});

it('is not restored where a byte of it changed, is missing or was cut off', async () => {
  const from = await backup('damaged');
  const events = readdirSync(join(from, 'clickhouse')).find((name) => name.startsWith('events'))!;
  const files = ['manifest.json', `clickhouse/${events}`, 'postgres/projects.copy.gz'];
  const urls = await someStores();
  for (const file of files) {
    const path = join(from, file);
    const whole = readFileSync(path);
    const flipped = Buffer.from(whole);
    flipped[whole.length >> 1]! ^= 1;
    for (const damage of [
      () => writeFileSync(path, flipped),
      () => writeFileSync(path, whole.subarray(0, -1)),
      () => rmSync(path),
    ]) {
      damage();
      await expect(restoreInto(urls, from)).rejects.toThrow(/damaged|is no backup/);
      writeFileSync(path, whole);
    }
  }
  expect(await restoreCommand(['--from', from, '--check'], {}, quiet())).toBe(0);
  // Nothing was begun: the databases are still empty, so the whole copy goes in.
  expect(await restoreInto(urls, from)).toBe(0);
});

it('goes into empty databases only', async () => {
  const from = await backup('twice');
  const urls = await someStores();
  await askClickHouse(urls.clickhouse, 'CREATE TABLE mine (a UInt8) ENGINE = MergeTree ORDER BY a');
  await expect(restoreInto(urls, from)).rejects.toThrow('the ClickHouse database is not empty');
  await askClickHouse(urls.clickhouse, 'DROP TABLE mine SYNC');
  expect(await restoreInto(urls, from)).toBe(0);
  await expect(restoreInto(urls, from)).rejects.toThrow('the Postgres database is not empty');
});

it('keeps servers from a database whose restore was cut short, and says so to the next one', async () => {
  const from = await backup('cut');
  const urls = await someStores();
  const half = await EmptyPostgres.of(urls.postgres);
  await half.take();
  await half.close();
  await expect(startTestApp({ urls, env: { LOG_LEVEL: 'silent' } })).rejects.toThrow(
    /being restored .* or its restore was cut short/,
  );
  await expect(restoreInto(urls, from)).rejects.toThrow('an earlier restore was cut short here');
});

it('leaves nothing behind where it fails, and never writes over anything', async () => {
  const to = await backup('there');
  await expect(backupCommand(['--to', to], environmentOf(app.urls), quiet())).rejects.toThrow('exists already');
  const empty = await someStores();
  const failed = join(folder, 'failed');
  await expect(backupCommand(['--to', failed], environmentOf(empty), quiet())).rejects.toThrow('holds no instance');
  expect([existsSync(failed), readdirSync(folder).filter((name) => name.startsWith('.'))]).toEqual([false, []]);
});

it('makes no stores where the data directory has none', async () => {
  const DATA_DIR = join(folder, 'mistyped');
  await expect(backupCommand(['--to', join(folder, 'of nothing')], { DATA_DIR }, quiet())).rejects.toThrow(
    `DATA_DIR ${DATA_DIR} holds no stores`,
  );
  expect([existsSync(DATA_DIR), existsSync(join(folder, 'of nothing'))]).toEqual([false, false]);
});

it('is refused by a release that is older than the one that made it', async () => {
  const urls = await someStores();
  const source = new Client({ connectionString: app.urls.postgres });
  await source.connect();
  await source.query(
    "INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('of tomorrow', 99999999999999)",
  );
  const from = await backup('newer');
  await source.query('DELETE FROM drizzle.__drizzle_migrations WHERE created_at = 99999999999999');
  await source.end();
  await expect(restoreInto(urls, from)).rejects.toThrow('made by a newer release');

  await askClickHouse(warehouse, "INSERT INTO schema_migrations (version, name) VALUES (999, 'of tomorrow')");
  const later = await backup('newer-warehouse');
  const gone = 'ALTER TABLE schema_migrations DELETE WHERE version = 999 SETTINGS mutations_sync = 2';
  await askClickHouse(warehouse, gone);
  await expect(restoreInto(urls, later)).rejects.toThrow('made by a newer release');
  // Nothing was begun: the databases are still empty.
  expect(await restoreInto(urls, await backup('ours'))).toBe(0);
});
