// Is a create that is sent again done once? Over the whole app, two replicas, and a look into the database.
import { Client } from 'pg';
import { IdempotencyRepository } from '../../src/auth/idempotency/idempotency.repository';
import { RunningClaims } from '../../src/auth/idempotency/running-claims';
import { aProject, ask, startTestApp, type Answer, type AProject, type TestApp } from '../support';
import { ProbeModule } from '../support/probe';

let app: TestApp;
let replica: TestApp;
let project: AProject;

beforeAll(async () => {
  app = await startTestApp({ imports: [ProbeModule] });
  replica = await startTestApp({ imports: [ProbeModule], urls: app.urls, rootKey: app.rootKey });
  project = await aProject(app);
});
afterAll(() => Promise.all([app.close(), replica.close()]));

let made = 0;
const newKey = (): string => `test ${(made += 1)}`;
const once = (key: string, body: object, at: TestApp = app): Promise<Answer> =>
  ask(at, '/probe/once', { key: project.keys.sec, body, headers: { 'idempotency-key': key } });

it('makes one project of two requests, with the same answer, on any replica', async () => {
  const headers = { 'idempotency-key': newKey() };
  const create = (at: TestApp, body: object) => ask(at, '/projects', { key: app.rootKey, body, headers });
  const first = await create(app, { name: 'Once', timezone: 'UTC' });
  const second = await create(replica, { timezone: 'UTC', name: 'Once' });
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.body).toEqual(first.body);
  expect([first.headers.get('idempotency-replayed'), second.headers.get('idempotency-replayed')]).toEqual([
    null,
    'true',
  ]);
  expect((await create(app, { name: 'Twice' })).body).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
});

it('keeps no text of a key that a copy of the database would give away', async () => {
  const headers = { 'idempotency-key': newKey() };
  const { body } = await ask<{ keys: { adm: string } }>(app, '/projects', {
    key: app.rootKey,
    body: { name: 'x' },
    headers,
  });
  const client = new Client({ connectionString: app.urls.postgres });
  await client.connect();
  const { rows } = await client.query<{ sealed: Buffer }>(
    'SELECT sealed_body AS sealed FROM idempotent_requests WHERE key = $1',
    [headers['idempotency-key']],
  );
  await client.end();
  expect(rows[0]?.sealed.length).toBeGreaterThan(100);
  expect(rows[0]?.sealed.includes(body.keys.adm.slice(8))).toBe(false);
});

it('answers 409 while the first request runs, and its answer afterwards', async () => {
  const key = newKey();
  const body = { waitMs: 600 };
  const first = once(key, body);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const during = await once(key, body, replica);
  expect([during.status, during.body.code]).toEqual([409, 'idempotency_key_in_use']);
  const { body: answer } = await first;
  expect((await once(key, body, replica)).body).toEqual(answer);
});

it('does it once however many come at the same moment', async () => {
  const key = newKey();
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_one, at) => once(key, { waitMs: 50 }, at % 2 ? app : replica)),
  );
  const done = answers.filter(({ status }) => status === 201);
  expect(done.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
  expect(new Set(answers.map(({ status }) => status)).size).toBeLessThanOrEqual(2);
  expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
});

describe('a request that runs for long', () => {
  const timesOf = (one: TestApp): RunningClaims => one.app.get(RunningClaims);
  const usual = { renewEveryMs: 0, abandonedAfterMs: 0 };
  beforeAll(() => Object.assign(usual, timesOf(app)));
  afterEach(() => {
    const { renewEveryMs, abandonedAfterMs } = usual;
    for (const one of [app, replica]) Object.assign(timesOf(one), { renewEveryMs, abandonedAfterMs });
    jest.restoreAllMocks();
  });

  it('keeps its key from another replica for as long as it runs', async () => {
    for (const one of [app, replica]) Object.assign(timesOf(one), { renewEveryMs: 100, abandonedAfterMs: 600 });
    const key = newKey();
    const body = { waitMs: 2_000 };
    const first = once(key, body);
    await new Promise((resolve) => setTimeout(resolve, 1_400));
    expect((await once(key, body, replica)).status).toBe(409);
    const { body: answer } = await first;
    const again = await once(key, body, replica);
    expect([again.headers.get('idempotency-replayed'), again.body]).toEqual(['true', answer]);
  });

  it('that lost its key touches neither the answer nor the claim of whoever has it now', async () => {
    for (const lost of [{ waitMs: 1_200 }, { waitMs: 1_200, fail: true }]) {
      timesOf(replica).abandonedAfterMs = 300;
      const key = newKey();
      const first = once(key, lost);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const second = once(key, lost, replica);
      await first;
      expect((await once(key, lost)).status).toBe(409);
      expect((await second).status).toBe(lost.fail === true ? 500 : 201);
    }
  });

  it('keeps its answer where it is not known whether it said that it runs', async () => {
    Object.assign(timesOf(app), { renewEveryMs: 100 });
    const repository = app.app.get(IdempotencyRepository);
    const renew = repository.renew.bind(repository);
    // It arrives, and nobody hears of it.
    const away = jest.spyOn(repository, 'renew').mockImplementation(async (...of) => {
      await renew(...of);
      throw new Error('away');
    });
    const key = newKey();
    const first = await once(key, { waitMs: 350 });
    expect(away).toHaveBeenCalled();
    expect((await once(key, { waitMs: 350 }, replica)).body).toEqual(first.body);
  });
});

it('tries again after an error, as nothing was done', async () => {
  const key = newKey();
  expect((await once(key, { fail: true })).status).toBe(500);
  expect((await once(key, { fail: true })).status).toBe(500);
  expect((await once(key, {})).status).toBe(201);
});

it('keeps the keys of projects apart, and those of another API key', async () => {
  const key = newKey();
  const other = await aProject(app);
  const first = await once(key, {});
  const foreign = await ask(app, '/probe/once', { key: other.keys.sec, body: {}, headers: { 'idempotency-key': key } });
  expect([first.status, foreign.status, foreign.headers.get('idempotency-replayed')]).toEqual([201, 201, null]);
  const byOther = await ask(app, '/probe/once', {
    key: project.keys.adm,
    body: {},
    headers: { 'idempotency-key': key },
  });
  expect(byOther.status).toBe(422);
});

it.each(['', 'x'.repeat(256), 'ümlaut'])('refuses %j as a key', async (key) => {
  const status = await once(key, {}).then((answer) => answer.status);
  expect(status).toBe(400);
});

it('takes a key of 255 characters', async () => {
  expect((await once('k'.repeat(255), {})).status).toBe(201);
});
