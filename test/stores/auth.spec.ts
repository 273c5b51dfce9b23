// Do keys open what they should, and nothing else, in every process? The whole app on a real Postgres, two replicas of it.
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { KeyDirectory } from '../../src/auth';
import { newKeyText } from '../../src/auth/key-format';
import { LocalAccess } from '../../src/auth/local-access';
import { aProject, ask, promptly, startTestApp, until, type TestApp } from '../support';
import { ProbeModule } from '../support/probe';

interface NewKey {
  id: string;
  key: string;
  scopes: string[];
  prefix: string;
  last4: string;
  expiresAt: string | null;
}

let app: TestApp;
let replica: TestApp;

beforeAll(async () => {
  app = await startTestApp({ imports: [ProbeModule] });
  replica = await startTestApp({ imports: [ProbeModule], urls: app.urls, rootKey: app.rootKey });
});
afterAll(() => Promise.all([app.close(), replica.close()]));

const stats = async (key: string, at: TestApp = app): Promise<number> =>
  (await ask(at, '/probe/stats', { key })).status;

describe('who may pass', () => {
  it('takes a key from either header, and refuses two that differ', async () => {
    const { keys } = await aProject(app);
    const by = async (headers: Record<string, string>): Promise<number> =>
      (await ask(app, '/probe/stats', { headers })).status;
    expect(await by({ 'x-api-key': keys.sec })).toBe(200);
    expect(await by({ authorization: `Bearer ${keys.sec}` })).toBe(200);
    expect(await by({ authorization: `bearer ${keys.sec}` })).toBe(200);
    expect(await by({ 'x-api-key': keys.sec, authorization: `Bearer ${keys.sec}` })).toBe(200);
    expect(await by({ 'x-api-key': keys.sec, authorization: `Bearer ${keys.adm}` })).toBe(401);
    expect(await by({ authorization: `Basic ${keys.sec}` })).toBe(401);
    expect(await by({})).toBe(401);
  });

  it('answers 401 as a problem with a challenge', async () => {
    const { status, body, headers } = await ask(app, '/probe/stats', { key: newKeyText('sec') });
    expect([status, body.code, headers.get('content-type')?.split(';')[0]]).toEqual([
      401,
      'unauthorized',
      'application/problem+json',
    ]);
    expect(headers.get('www-authenticate')).toMatch(/^Bearer /);
  });

  it('gives each kind its scopes and no more', async () => {
    const { keys } = await aProject(app);
    const statusOf = async (key: string): Promise<number[]> => [
      (await ask(app, '/probe/events', { key, body: {} })).status,
      (await ask(app, '/probe/stats', { key })).status,
      (await ask(app, '/projects', { key })).status,
    ];
    expect(await statusOf(keys.pub)).toEqual([200, 403, 403]);
    expect(await statusOf(keys.sec)).toEqual([200, 200, 403]);
    expect(await statusOf(keys.adm)).toEqual([200, 200, 200]);
  });

  it('lets root act on a project by X-Project-Id, and only so', async () => {
    const project = await aProject(app);
    const root = (headers: Record<string, string>) => ask(app, '/probe/stats', { key: app.rootKey, headers });
    expect((await root({ 'x-project-id': project.id })).body).toEqual({ project: project.id, kind: 'root' });
    expect((await root({})).body).toMatchObject({ status: 400, code: 'project_required' });
    expect((await root({ 'x-project-id': 'x' })).status).toBe(400);
    expect((await root({ 'x-project-id': '0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e10' })).status).toBe(404);
    const other = await aProject(app);
    const foreign = await ask(app, '/probe/stats', { key: project.keys.sec, headers: { 'x-project-id': other.id } });
    expect(foreign.status).toBe(404);
  });

  it('takes the run’s own token as root from this machine', async () => {
    const { token } = app.app.get(LocalAccess);
    expect((await ask(app, '/projects', { key: token })).status).toBe(200);
    expect((await ask(replica, '/projects', { key: token })).status).toBe(401);
  });

  it('leaves public routes open', async () => {
    expect((await ask(app, '/probe/open')).status).toBe(200);
    expect((await ask(app, '/probe/open', { key: 'nonsense' })).status).toBe(200);
  });
});

describe('making keys', () => {
  it('shows the text once, and keeps only what recognises it', async () => {
    const { id, keys } = await aProject(app);
    const made = await ask<NewKey>(app, `/projects/${id}/keys`, {
      key: keys.adm,
      body: { name: 'Checkout', kind: 'sec' },
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      key: expect.stringMatching(/^mr_sec_[0-9A-Za-z]{36}$/),
      prefix: made.body.key.slice(0, 12),
      last4: made.body.key.slice(-4),
      scopes: ['events:write', 'events:read', 'stats:read', 'funnels:write'],
    });
    const list = await ask<{ data: NewKey[] }>(app, `/projects/${id}/keys`, { key: keys.adm });
    expect(list.body.data).toHaveLength(4);
    expect(JSON.stringify(list.body)).not.toContain(made.body.key);
    expect(JSON.stringify(list.body)).not.toMatch(/hash|secret/);
    const client = new Client({ connectionString: app.urls.postgres });
    await client.connect();
    const { rows } = await client.query('SELECT * FROM api_keys WHERE id = $1', [made.body.id]);
    await client.end();
    expect(JSON.stringify(rows)).not.toContain(made.body.key.slice(8));
    expect((rows[0] as { hash: Buffer }).hash).toEqual(createHash('sha256').update(made.body.key).digest());
  });

  it.each([
    [{ name: 'x', kind: 'root' }, 'kind'],
    [{ name: 'x', kind: 'pub', scopes: ['stats:read'] }, 'scopes'],
    [{ name: 'x', kind: 'sec', scopes: ['project:admin'] }, 'scopes'],
    [{ name: 'x', kind: 'sec', scopes: [] }, 'scopes'],
    [{ name: 'x', kind: 'sec', scopes: ['everything'] }, 'scopes'],
    [{ name: 'x', kind: 'sec', expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    [{ name: 'x', kind: 'sec', expiresAt: 1_900_000_000_000 }, 'expiresAt'],
    [{ name: '', kind: 'sec' }, 'name'],
  ])('refuses %j', async (body, path) => {
    const { id, keys } = await aProject(app);
    const answer = await ask<{ errors: { path: string }[] }>(app, `/projects/${id}/keys`, { key: keys.adm, body });
    expect([answer.status, answer.body.errors.map((error) => error.path)]).toEqual([400, [path]]);
  });

  it('holds a key to its narrower scopes and to its end', async () => {
    const { id, keys } = await aProject(app);
    const make = async (more: object): Promise<string> =>
      (await ask<NewKey>(app, `/projects/${id}/keys`, { key: keys.adm, body: { name: 'x', kind: 'sec', ...more } }))
        .body.key;
    const narrow = await make({ scopes: ['stats:read'] });
    expect(await stats(narrow)).toBe(200);
    expect((await ask(app, '/probe/events', { key: narrow, body: {} })).status).toBe(403);
    const short = await make({ expiresAt: new Date(Date.now() + 700).toISOString() });
    expect(await stats(short)).toBe(200);
    await sleep(750);
    expect([await stats(short), await stats(short, replica)]).toEqual([401, 401]);
  });

  it('lets only those who may administer the project near its keys', async () => {
    const [own, foreign] = [await aProject(app), await aProject(app)];
    const path = `/projects/${own.id}/keys`;
    expect((await ask(app, path, { key: own.keys.sec })).status).toBe(403);
    expect((await ask(app, path, { key: foreign.keys.adm })).status).toBe(404);
    expect((await ask(app, path, { key: app.rootKey })).status).toBe(200);
    const { body } = await ask<{ data: NewKey[] }>(app, path, { key: own.keys.adm });
    const stolen = `/projects/${foreign.id}/keys/${body.data[0]?.id}`;
    expect((await ask(app, stolen, { method: 'DELETE', key: foreign.keys.adm })).status).toBe(404);
  });

  it('walks a long list of keys without a repeat', async () => {
    const { id, keys } = await aProject(app);
    for (let count = 0; count < 4; count += 1)
      await ask(app, `/projects/${id}/keys`, { key: keys.adm, body: { name: `k${count}`, kind: 'pub' } });
    const ids: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const path: string = `/projects/${id}/keys?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const { body } = await ask<{ data: NewKey[]; page: { next: string | null } }>(app, path, { key: keys.adm });
      ids.push(...body.data.map((key) => key.id));
      cursor = body.page.next;
    }
    expect([ids.length, new Set(ids).size]).toEqual([7, 7]);
  });
});

describe('ending keys', () => {
  const idOf = async (project: { id: string; keys: { adm: string } }, text: string): Promise<string> => {
    const { body } = await ask<{ data: NewKey[] }>(app, `/projects/${project.id}/keys`, { key: project.keys.adm });
    return body.data.find((key) => key.last4 === text.slice(-4))?.id ?? '';
  };

  it('revokes here at once, and in another process within 5 s', async () => {
    const project = await aProject(app);
    expect([await stats(project.keys.sec), await stats(project.keys.sec, replica)]).toEqual([200, 200]);
    const path = `/projects/${project.id}/keys/${await idOf(project, project.keys.sec)}`;
    expect((await ask(app, path, { method: 'DELETE', key: project.keys.adm })).status).toBe(204);
    expect(await stats(project.keys.sec)).toBe(401);
    const status = await promptly(
      () => stats(project.keys.sec, replica),
      (found) => found === 401,
      5_000,
    );
    expect(status).toBe(401);
    expect((await ask(app, path, { method: 'DELETE', key: project.keys.adm })).status).toBe(404);
    expect(await stats(project.keys.adm, replica)).toBe(200);
  });

  it('rotates with grace: both work, then the new one alone', async () => {
    const project = await aProject(app);
    await stats(project.keys.sec, replica);
    const path = `/projects/${project.id}/keys/${await idOf(project, project.keys.sec)}/rotate`;
    const { status, body } = await ask<NewKey>(app, path, { key: project.keys.adm, body: { graceSeconds: 2 } });
    expect([status, body.scopes]).toEqual([201, ['events:write', 'events:read', 'stats:read', 'funnels:write']]);
    expect([await stats(project.keys.sec), await stats(body.key), await stats(body.key, replica)]).toEqual([
      200, 200, 200,
    ]);
    expect((await ask(app, path, { key: project.keys.adm, body: {} })).status).toBe(409);
    await sleep(2_050);
    expect([await stats(project.keys.sec), await stats(body.key)]).toEqual([401, 200]);
    expect(
      await until(
        () => stats(project.keys.sec, replica),
        (found) => found === 401,
        3_000,
      ),
    ).toBe(401);
  });

  it.each([-1, 2_592_001, '60', 1.5, null])('refuses a grace of %j', async (graceSeconds) => {
    const project = await aProject(app);
    const path = `/projects/${project.id}/keys/${await idOf(project, project.keys.sec)}/rotate`;
    expect((await ask(app, path, { key: project.keys.adm, body: { graceSeconds } })).status).toBe(400);
  });

  it('ends all keys of a deleted project in another process within 5 s, and takes over changed settings', async () => {
    const project = await aProject(app, { settings: { allowedOrigins: ['https://a.example'] } });
    const from = { origin: 'https://b.example' };
    const send = () => ask(replica, '/probe/events', { key: project.keys.pub, body: {}, headers: from });
    expect((await send()).status).toBe(403);
    await ask(app, `/projects/${project.id}`, {
      method: 'PATCH',
      key: project.keys.adm,
      body: { settings: { allowedOrigins: [] } },
    });
    expect((await promptly(send, (answer) => answer.status === 200, 5_000)).status).toBe(200);
    await ask(app, `/projects/${project.id}`, { method: 'DELETE', key: app.rootKey });
    expect((await promptly(send, (answer) => answer.status === 401, 5_000)).status).toBe(401);
  });

  it('tells other caches which project changed', async () => {
    const project = await aProject(app);
    const heard: (string | undefined)[] = [];
    replica.app.get(KeyDirectory).onChange((id) => heard.push(id));
    await ask(app, `/projects/${project.id}`, { method: 'PATCH', key: project.keys.adm, body: { name: 'Other' } });
    await until(() => Promise.resolve(heard.includes(project.id)), Boolean, 5_000);
    expect(heard).toContain(project.id);
  });
});

describe('what is remembered', () => {
  it('asks no store for a key that was seen before, nor for one that can not be', async () => {
    const { keys } = await aProject(app);
    await stats(keys.sec);
    // What other tests changed is heard of first: with each change, what is known to be unknown is forgotten.
    await app.app.get(KeyDirectory).poll();
    const asked = jest.spyOn(app.app.get(KeyDirectory), 'find');
    const flipped = `${keys.sec.slice(0, 20)}${keys.sec[20] === 'x' ? 'y' : 'x'}${keys.sec.slice(21)}`;
    const statuses = [
      await stats(keys.sec),
      await stats(keys.sec),
      await stats(flipped),
      await stats(randomBytes(24).toString('hex')),
    ];
    expect([statuses, asked.mock.calls.length]).toEqual([[200, 200, 401, 401], 0]);
    const unknown = newKeyText('sec');
    await stats(unknown);
    await stats(unknown);
    expect(asked).toHaveBeenCalledTimes(1);
    asked.mockRestore();
  });

  it('notes when a key was last used', async () => {
    const { id, keys } = await aProject(app);
    await stats(keys.sec);
    const directory = app.app.get<{ writeUsed(): Promise<void> }>(KeyDirectory);
    await directory.writeUsed();
    const { body } = await ask<{ data: { kind: string; lastUsedAt: string | null }[] }>(app, `/projects/${id}/keys`, {
      key: keys.adm,
    });
    const used = body.data.find(({ kind }) => kind === 'sec')?.lastUsedAt;
    expect(Math.abs(Date.parse(used ?? '') - Date.now())).toBeLessThan(5_000);
    expect(body.data.find(({ kind }) => kind === 'pub')?.lastUsedAt).toBeNull();
  });
});
