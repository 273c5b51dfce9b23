// Does the log say who did what, and nothing that nobody may know? On the real stores, by way of the routes.
import { sql } from 'drizzle-orm';
import { randomUUID } from 'node:crypto';
import { Postgres } from '../../src/platform/postgres/postgres';
import { type AProject, aProject, ask, startTestApp, type TestApp, until } from '../support';

jest.setTimeout(60_000);

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

interface Entry {
  id: string;
  time: string;
  projectId: string;
  action: string;
  actor: { keyId: string; kind: string; ip: string; requestId: string };
  target: { type: string; id: string };
  changes: Record<string, { before?: unknown; after?: unknown }>;
}
interface List {
  data: Entry[];
  page: { next: string | null };
}
const read = async (project: AProject, query: Record<string, string> = {}, key = project.keys.adm): Promise<List> => {
  const { status, body } = await ask<List>(app, `/audit?${new URLSearchParams(query).toString()}`, { key });
  expect(status).toBe(200);
  return body;
};
const actionsOf = ({ data }: List): string[] => data.map(({ action }) => action);

it('says who made a project, and with which keys', async () => {
  const project = await aProject(app, { name: 'Shop' });
  const log = await read(project);
  expect(actionsOf(log).toSorted()).toEqual(['key.created', 'key.created', 'key.created', 'project.created']);
  const made = log.data.find(({ action }) => action === 'project.created');
  expect(made).toMatchObject({
    projectId: project.id,
    actor: { keyId: 'root', kind: 'root', ip: '127.0.0.1', requestId: expect.any(String) },
    target: { type: 'project', id: project.id },
    changes: { name: { after: 'Shop' }, timezone: { after: 'UTC' } },
  });
  for (const text of Object.values(project.keys)) expect(JSON.stringify(log)).not.toContain(text);
  expect(JSON.stringify(log)).not.toMatch(/secret|"hash"/);
});

it('has each change with what was before and after, newest first, by whom and from which request', async () => {
  const project = await aProject(app, { name: 'Shop' });
  const key = project.keys.adm;
  await ask(app, `/projects/${project.id}`, {
    key,
    method: 'PATCH',
    headers: { 'x-request-id': 'the-change' },
    body: { name: 'Store', settings: { retentionDays: 30 } },
  });
  const [entry] = (await read(project, { action: 'project.updated' })).data;
  expect(entry?.changes).toEqual({
    name: { before: 'Shop', after: 'Store' },
    'settings.retentionDays': { before: null, after: 30 },
  });
  expect(entry?.actor).toMatchObject({ kind: 'adm', requestId: 'the-change' });

  const goal = await ask<{ id: string }>(app, '/goals', { key, body: { name: 'Bought', event: 'buy' } });
  await ask(app, `/goals/${goal.body.id}`, { key, method: 'PATCH', body: { event: 'purchase' } });
  await ask(app, `/goals/${goal.body.id}`, { key, method: 'DELETE' });
  const funnel = await ask<{ id: string }>(app, '/funnels', {
    key,
    body: { name: 'Way', steps: [{ event: 'a' }, { event: 'b' }] },
  });
  await ask(app, `/funnels/${funnel.body.id}`, { key, method: 'PATCH', body: { name: 'Path' } });
  await ask(app, `/funnels/${funnel.body.id}`, { key, method: 'DELETE' });
  const made = await ask<{ id: string; key: string }>(app, `/projects/${project.id}/keys`, {
    key,
    body: { name: 'Other', kind: 'sec' },
  });
  const rotated = await ask<{ id: string; key: string }>(app, `/projects/${project.id}/keys/${made.body.id}/rotate`, {
    key,
    body: {},
  });
  await ask(app, `/projects/${project.id}/keys/${rotated.body.id}`, { key, method: 'DELETE' });
  await ask(app, `/projects/${project.id}/backfill`, { key, body: {} });
  await ask(app, `/projects/${project.id}/verify`, { key, method: 'POST' });

  const log = await read(project);
  expect(actionsOf(log).slice(0, 11)).toEqual([
    'project.verified',
    'project.backfilled',
    'key.revoked',
    'key.rotated',
    'key.created',
    'funnel.deleted',
    'funnel.changed',
    'funnel.created',
    'goal.deleted',
    'goal.changed',
    'goal.created',
  ]);
  expect(log.data[9]?.changes).toEqual({ event: { before: 'buy', after: 'purchase' } });
  expect(log.data[6]?.changes).toEqual({ name: { before: 'Way', after: 'Path' } });
  expect(actionsOf(await read(project, { targetType: 'goal', targetId: goal.body.id }))).toHaveLength(3);
  for (const text of [made.body.key, rotated.body.key]) expect(JSON.stringify(log)).not.toContain(text);
});

it('has what happened to alerts, and of their webhooks no more than where they lead', async () => {
  const project = await aProject(app);
  const key = project.keys.adm;
  const alert = { metric: 'events', window: 60, condition: 'above', threshold: 1 };
  const made = await ask<{ id: string; secret: string }>(app, '/alerts', {
    key,
    body: { ...alert, name: 'Many', webhook: { url: 'https://hooks.example/T0/a-secret-path?token=another' } },
  });
  const path = `/alerts/${made.body.id}`;
  const change = { threshold: 5, webhook: { url: 'https://elsewhere.example/in' } };
  const rotated = await ask<{ secret: string }>(app, `${path}/secret`, { key, method: 'POST' });
  const changed = await ask(app, path, { key, method: 'PATCH', body: change });
  const deleted = await ask(app, path, { key, method: 'DELETE' });
  expect([made.status, rotated.status, changed.status, deleted.status]).toEqual([201, 200, 200, 204]);
  const log = await read(project, { targetType: 'alert', targetId: made.body.id });
  expect(actionsOf(log)).toEqual(['alert.deleted', 'alert.changed', 'alert.rotated', 'alert.created']);
  expect(log.data[1]?.changes).toEqual({
    threshold: { before: 1, after: 5 },
    webhookOrigin: { before: 'https://hooks.example', after: 'https://elsewhere.example' },
  });
  for (const text of [made.body.secret, rotated.body.secret, 'a-secret-path', 'another'])
    expect(JSON.stringify(log)).not.toContain(text);
});

it('has no entry of what was not done', async () => {
  const project = await aProject(app);
  const before = actionsOf(await read(project));
  const { status } = await ask(app, `/projects/${project.id}`, {
    key: project.keys.adm,
    method: 'PATCH',
    body: { timezone: 'Nowhere/Else' },
  });
  expect(status).toBe(400);
  expect((await ask(app, `/goals/${randomUUID()}`, { key: project.keys.adm, method: 'DELETE' })).status).toBe(404);
  expect(actionsOf(await read(project))).toEqual(before);
});

it('walks by pages, and keeps to a range', async () => {
  const project = await aProject(app);
  const all = (await read(project)).data.map(({ id }) => id);
  const walked: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: List = await read(project, { limit: '1', ...(cursor === '' ? {} : { cursor }) });
    walked.push(...page.data.map(({ id }) => id));
    cursor = page.page.next;
  }
  expect(walked).toEqual(all);
  expect((await read(project, { to: '2020-01-01' })).data).toEqual([]);
  expect((await read(project, { from: '2020-01-01' })).data).toHaveLength(all.length);
});

it('is for owners, each of their own', async () => {
  const [one, other] = [await aProject(app), await aProject(app)];
  expect((await ask(app, '/audit', { key: one.keys.sec })).status).toBe(403);
  expect((await read(one)).data.every(({ projectId }) => projectId === one.id)).toBe(true);
  const ofOther = await ask<List>(app, '/audit', { key: app.rootKey, headers: { 'x-project-id': other.id } });
  expect(ofOther.body.data.every(({ projectId }) => projectId === other.id)).toBe(true);
  const all = await ask<List>(app, '/audit?limit=1000', { key: app.rootKey });
  expect(new Set(all.body.data.map(({ projectId }) => projectId)).size).toBeGreaterThan(1);
});

it('can only be added to', async () => {
  await aProject(app);
  const postgres = app.app.get(Postgres);
  for (const statement of [sql`UPDATE audit_log SET action = 'x'`, sql`DELETE FROM audit_log`, sql`TRUNCATE audit_log`])
    await expect(postgres.run((db) => db.execute(statement))).rejects.toThrow('the audit log is append-only');
});

it('knows that a project was deleted, and nothing else of it', async () => {
  const project = await aProject(app);
  const { body } = await ask<{ job: { id: string } }>(app, `/projects/${project.id}`, {
    key: project.keys.adm,
    method: 'DELETE',
  });
  await until(
    async () => (await ask<{ state: string }>(app, `/jobs/${body.job.id}`, { key: app.rootKey })).body.state,
    (state) => state === 'completed',
    30_000,
  );
  const all = await ask<List>(app, '/audit?limit=1000', { key: app.rootKey });
  expect(all.body.data.filter(({ projectId }) => projectId === project.id).map(({ action }) => action)).toEqual([
    'project.deleted',
  ]);
});
