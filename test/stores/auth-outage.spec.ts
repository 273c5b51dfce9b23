// What holds while Postgres is away, and when several processes boot at once? With a Postgres of its own, which can be stopped.
import { Client } from 'pg';
import { KeyDirectory, RootKey } from '../../src/auth';
import { newKeyText } from '../../src/auth/key-format';
import { StoreUrls } from '../../src/config/env';
import { DatabaseRefused, migratePostgres } from '../../src/platform/postgres/migrate';
import { aProject, ask, someStores, startTestApp, promptly, until } from '../support';
import { ownPostgres, type OwnPostgres } from '../support/own-postgres';
import { ProbeModule } from '../support/probe';

let server: OwnPostgres;
let clickhouse: string;

beforeAll(async () => {
  server = await ownPostgres();
  ({ clickhouse } = await someStores());
});
afterAll(() => server.end());

const newUrls = async (): Promise<StoreUrls> => new StoreUrls(await server.database(), clickhouse);

const asking = async <T>(url: string, work: (client: Client) => Promise<T>): Promise<T> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};

it('works on for known keys while Postgres is down, says 503 where it must ask, and recovers by itself', async () => {
  const app = await startTestApp({ imports: [ProbeModule], urls: await newUrls() });
  try {
    const project = await aProject(app);
    const stats = async (key: string) => ask(app, '/probe/stats', { key });
    expect((await stats(project.keys.sec)).status).toBe(200);
    await server.stop();
    const began = Date.now();
    expect((await stats(project.keys.sec)).status).toBe(200);
    const unknown = await stats(newKeyText('sec'));
    expect([unknown.status, unknown.body.code]).toEqual([503, 'store_unavailable']);
    expect(Number(unknown.headers.get('retry-after'))).toBeGreaterThan(0);
    const create = await ask(app, '/projects', { key: app.rootKey, body: { name: 'x' } });
    expect([create.status, JSON.stringify(create.body).includes('ECONN')]).toEqual([503, false]);
    const rotate = await ask(app, `/projects/${project.id}/keys`, {
      key: project.keys.adm,
      body: { name: 'x', kind: 'sec' },
    });
    expect(rotate.status).toBe(503);
    expect(Date.now() - began).toBeLessThan(8_000);
    await server.start();
    const made = await until(
      () => ask(app, '/projects', { key: app.rootKey, body: { name: 'x' } }),
      ({ status }) => status === 201,
    );
    expect(made.status).toBe(201);
    const { body } = await ask<{ data: { id: string; kind: string }[] }>(app, `/projects/${project.id}/keys`, {
      key: project.keys.adm,
    });
    const id = body.data.find(({ kind }) => kind === 'sec')?.id;
    // A change that another process made while nobody could hear: the poll finds it after the outage.
    await asking(app.urls.postgres, (client) =>
      client.query(
        `WITH clock AS (UPDATE auth_clock SET version = version + 1 RETURNING version), ended AS
         (UPDATE api_keys SET revoked_at = now() WHERE id = $1) INSERT INTO auth_changes SELECT version, $2 FROM clock`,
        [id, project.id],
      ),
    );
    const status = await promptly(
      async () => (await stats(project.keys.sec)).status,
      (found) => found === 401,
      5_000,
    );
    expect(status).toBe(401);
  } finally {
    await app.close();
  }
});

it('forgets everything where the log of changes no longer goes back to what it knows', async () => {
  const app = await startTestApp({ imports: [ProbeModule], urls: await newUrls() });
  try {
    const project = await aProject(app);
    await ask(app, '/probe/stats', { key: project.keys.sec });
    await asking(app.urls.postgres, async (client) => {
      await client.query('DELETE FROM api_keys');
      await client.query('DELETE FROM auth_changes');
      await client.query('UPDATE auth_clock SET version = version + 5');
    });
    await app.app.get(KeyDirectory).poll();
    expect((await ask(app, '/probe/stats', { key: project.keys.sec })).status).toBe(401);
  } finally {
    await app.close();
  }
});

it('migrates once and makes one root key when processes boot at once, and shows it once', async () => {
  const urls = await newUrls();
  const apps = await Promise.all([1, 2, 3].map(() => startTestApp({ urls, env: { ROOT_API_KEY: '' } })));
  try {
    const texts = apps.map(({ app }) => app.get(RootKey).announce()).filter((text) => text !== undefined);
    expect(texts).toEqual([expect.stringMatching(/^mr_root_[0-9A-Za-z]{36}$/)]);
    expect(apps.map(({ app }) => app.get(RootKey).announce())).toEqual([undefined, undefined, undefined]);
    const statuses = await Promise.all(
      apps.map(async (app) => (await ask(app, '/projects', { key: texts[0] ?? '' })).status),
    );
    expect(statuses).toEqual([200, 200, 200]);
    const dump = await asking(urls.postgres, async (client) =>
      JSON.stringify((await client.query('SELECT * FROM root_keys')).rows),
    );
    expect(dump).not.toContain((texts[0] ?? '').slice(12));
  } finally {
    await Promise.all(apps.map((app) => app.close()));
  }
});

it('refuses a database that is newer than the code, and one that does not answer, in one line', async () => {
  const url = await server.database();
  await migratePostgres(url);
  await migratePostgres(url);
  await asking(url, (client) =>
    client.query(
      `INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('from the future', 4102444800000)`,
    ),
  );
  const newer = await migratePostgres(url).catch((error: unknown) => error);
  expect(newer).toBeInstanceOf(DatabaseRefused);
  expect((newer as Error).message).toMatch(/^The Postgres database is newer than this version .*\.$/);
  const away = await migratePostgres('postgres://nobody@127.0.0.1:1/none').catch((error: unknown) => error);
  expect((away as Error).message).toBe(
    'The Postgres database (DATABASE_URL, or the embedded one) could not be prepared: ECONNREFUSED.',
  );
});

it('limits failed attempts of an address, while right keys from it still get in', async () => {
  const app = await startTestApp({
    imports: [ProbeModule],
    urls: await newUrls(),
    env: { AUTH_FAILURES_PER_MINUTE: '5' },
  });
  try {
    const [known, unseen] = [await aProject(app), await aProject(app)];
    await ask(app, '/probe/stats', { key: known.keys.sec });
    const statuses: number[] = [];
    for (let count = 0; count < 7; count += 1)
      statuses.push((await ask(app, '/probe/stats', { key: newKeyText('sec') })).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    const refused = await ask(app, '/probe/stats', { key: 'guess' });
    expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([429, true]);
    expect((await ask(app, '/probe/stats')).status).toBe(401);
    expect((await ask(app, '/probe/stats', { key: known.keys.sec })).status).toBe(200);
    expect((await ask(app, '/probe/stats', { key: unseen.keys.sec })).status).toBe(200);
  } finally {
    await app.close();
  }
});
