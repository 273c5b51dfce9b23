// Do projects live and end as the contract has it? The whole app on real stores.
import { randomUUID } from 'node:crypto';
import { JobsService } from '../../src/platform/queue/jobs.service';
import { ProjectErasers, UsageRecorder, type Project } from '../../src/projects';
import { aProject, ask, startTestApp, until, type TestApp } from '../support';

interface Page {
  data: { id: string; name: string }[];
  page: { next: string | null };
}

let app: TestApp;
const erased: string[] = [];
let eraserFails = 0;

beforeAll(async () => {
  app = await startTestApp();
  app.app.get(ProjectErasers).add({
    erase: (project: Project) => {
      if (eraserFails > 0) {
        eraserFails -= 1;
        return Promise.reject(new Error('the store is away'));
      }
      erased.push(project.id);
      return Promise.resolve();
    },
  });
});
afterAll(() => app.close());

describe('creating a project', () => {
  it('answers the project with defaults, its three keys, and nothing that must stay inside', async () => {
    const { status, body } = await ask(app, '/projects', { key: app.rootKey, body: { name: '  Shop  ' } });
    expect(status).toBe(201);
    expect(body).toEqual({
      project: {
        id: expect.stringMatching(/^[0-9a-f-]{14}7[0-9a-f-]{21}$/),
        name: 'Shop',
        timezone: 'UTC',
        domains: [],
        settings: {
          retentionDays: null,
          excludedIps: [],
          excludedCountries: [],
          excludedPaths: [],
          botPolicy: 'drop',
          rateLimit: null,
          allowedOrigins: [],
          storeIp: false,
        },
        createdAt: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
        updatedAt: expect.any(String),
      },
      keys: {
        pub: expect.stringMatching(/^mr_pub_[0-9A-Za-z]{36}$/),
        sec: expect.stringMatching(/^mr_sec_[0-9A-Za-z]{36}$/),
        adm: expect.stringMatching(/^mr_adm_[0-9A-Za-z]{36}$/),
      },
    });
  });

  it.each([
    [{}, 'name', 'required'],
    [{ name: '   ' }, 'name', 'too_short'],
    [{ name: 'x'.repeat(201) }, 'name', 'too_long'],
    [{ name: 'a\0' }, 'name', 'invalid_characters'],
    [{ name: 5 }, 'name', 'not_a_text'],
    [{ name: 'a', timezone: 'Mars/Olympus' }, 'timezone', 'invalid_time_zone'],
    [{ name: 'a', domains: ['https://a.b'] }, 'domains', 'invalid_item'],
    [{ name: 'a', colour: 'red' }, 'colour', 'unknown_field'],
    [{ name: 'a', settings: [] }, 'settings', 'not_an_object'],
    [{ name: 'a', settings: { retentionDays: 0 } }, 'settings.retentionDays', 'out_of_range'],
    [{ name: 'a', settings: { retentionDays: 3_651 } }, 'settings.retentionDays', 'out_of_range'],
    [{ name: 'a', settings: { retentionDays: '30' } }, 'settings.retentionDays', 'not_an_integer'],
    [{ name: 'a', settings: { excludedIps: ['10.0.0.0/33'] } }, 'settings.excludedIps', 'invalid_item'],
    [{ name: 'a', settings: { excludedCountries: ['de'] } }, 'settings.excludedCountries', 'invalid_item'],
    [{ name: 'a', settings: { excludedPaths: ['admin'] } }, 'settings.excludedPaths', 'invalid_item'],
    [
      { name: 'a', settings: { excludedPaths: Array.from({ length: 30 }, (_, at) => `/${at}`.padEnd(400, 'x')) } },
      'settings.excludedPaths',
      'too_long',
    ],
    [{ name: 'a', settings: { botPolicy: 'ban' } }, 'settings.botPolicy', 'not_allowed'],
    [{ name: 'a', settings: { rateLimit: { events: 0, perSeconds: 1 } } }, 'settings.rateLimit.events', 'out_of_range'],
    [{ name: 'a', settings: { rateLimit: { events: 1 } } }, 'settings.rateLimit.perSeconds', 'required'],
    [{ name: 'a', settings: { allowedOrigins: ['https://a.b/'] } }, 'settings.allowedOrigins', 'invalid_item'],
    [{ name: 'a', settings: { storeIp: 'false' } }, 'settings.storeIp', 'not_a_boolean'],
    [{ name: 'a', settings: { secret: 'x' } }, 'settings.secret', 'unknown_field'],
    [{ name: 'a', settings: null }, 'settings', 'required'],
  ])('refuses %j: %s %s', async (body, path, code) => {
    const answer = await ask<{ errors: { path: string; code: string }[] }>(app, '/projects', {
      key: app.rootKey,
      body,
    });
    expect([answer.status, answer.body.errors.map((error) => [error.path, error.code])]).toEqual([400, [[path, code]]]);
  });

  it('takes every setting at its limits', async () => {
    const settings = {
      retentionDays: 3_650,
      excludedIps: ['10.0.0.0/8', '2001:db8::/32'],
      excludedCountries: ['DE'],
      excludedPaths: ['/admin/**', '*.pdf'],
      botPolicy: 'keep',
      rateLimit: { events: 1_000_000_000, perSeconds: 86_400 },
      allowedOrigins: ['https://a.example', 'http://localhost:3000'],
      storeIp: true,
    } as const;
    const { body } = await ask<{ project: { settings: object } }>(app, '/projects', {
      key: app.rootKey,
      body: { name: 'x'.repeat(200), timezone: 'Asia/Kathmandu', domains: ['a.example'], settings },
    });
    expect(body.project.settings).toEqual(settings);
  });
});

describe('who may see and change a project', () => {
  it('is root and its own adm key; others are told 403, and of foreign projects 404', async () => {
    const [own, foreign] = [await aProject(app), await aProject(app)];
    const statusOf = async (key: string, id: string, method = 'GET'): Promise<number> =>
      (await ask(app, `/projects/${id}`, { key, method })).status;
    expect(await statusOf(app.rootKey, own.id)).toBe(200);
    expect(await statusOf(own.keys.adm, own.id)).toBe(200);
    expect(await statusOf(own.keys.adm, own.id.toUpperCase())).toBe(200);
    expect(await statusOf(own.keys.sec, own.id)).toBe(403);
    expect(await statusOf(own.keys.pub, own.id)).toBe(403);
    expect(await statusOf(own.keys.adm, foreign.id)).toBe(404);
    expect(await statusOf(own.keys.adm, foreign.id, 'DELETE')).toBe(404);
    expect(await statusOf(app.rootKey, randomUUID())).toBe(404);
    expect(await statusOf(app.rootKey, 'nonsense')).toBe(400);
    expect((await ask(app, '/projects', { key: own.keys.adm, body: { name: 'x' } })).status).toBe(403);
  });

  it('lists all for root, its own for an adm key, and refuses the rest', async () => {
    const project = await aProject(app);
    const own = await ask<Page>(app, '/projects', { key: project.keys.adm });
    expect(own.body.data.map(({ id }) => id)).toEqual([project.id]);
    expect((await ask(app, '/projects', { key: project.keys.sec })).status).toBe(403);
    const all = await ask<Page>(app, '/projects?limit=1000', { key: app.rootKey });
    expect(all.body.data.length).toBeGreaterThan(1);
  });
});

describe('listing projects', () => {
  it('walks every page once while projects are being made', async () => {
    const before = await Promise.all(Array.from({ length: 7 }, () => aProject(app)));
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const path: string = `/projects?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const { body } = await ask<Page>(app, path, { key: app.rootKey });
      expect(body.data.length).toBeLessThanOrEqual(2);
      seen.push(...body.data.map(({ id }) => id));
      cursor = body.page.next;
      if (seen.length < 8) await aProject(app);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(before.map(({ id }) => id)));
  });

  it.each(['limit=0', 'limit=1001', 'limit=ten', 'limit=1&limit=2', 'cursor=abc', 'cursor=', 'colour=red'])(
    'refuses ?%s',
    async (query) => {
      expect((await ask(app, `/projects?${query}`, { key: app.rootKey })).status).toBe(400);
    },
  );

  it('refuses a cursor with a forged time', async () => {
    const cursor = Buffer.from(JSON.stringify([1e300, randomUUID()])).toString('base64url');
    expect((await ask(app, `/projects?cursor=${cursor}`, { key: app.rootKey })).status).toBe(400);
  });
});

describe('changing a project', () => {
  it('merges settings one by one, and leaves the rest as it was', async () => {
    const project = await aProject(app, { settings: { botPolicy: 'mark', retentionDays: 30 } });
    const change = { settings: { retentionDays: null, storeIp: true }, timezone: 'Europe/Berlin' };
    const { status, body } = await ask(app, `/projects/${project.id}`, {
      method: 'PATCH',
      key: project.keys.adm,
      body: change,
    });
    expect([status, body]).toMatchObject([
      200,
      {
        name: project.name,
        timezone: 'Europe/Berlin',
        settings: { botPolicy: 'mark', retentionDays: null, storeIp: true },
      },
    ]);
    const again = await ask(app, `/projects/${project.id}`, { key: project.keys.adm });
    expect(again.body).toEqual(body);
  });

  it('loses nothing when two changes meet', async () => {
    const { id, keys } = await aProject(app);
    const patch = (settings: object) =>
      ask(app, `/projects/${id}`, { method: 'PATCH', key: keys.adm, body: { settings } });
    await Promise.all([patch({ storeIp: true }), patch({ botPolicy: 'keep' }), patch({ retentionDays: 7 })]);
    const { body } = await ask(app, `/projects/${id}`, { key: keys.adm });
    expect(body).toMatchObject({ settings: { storeIp: true, botPolicy: 'keep', retentionDays: 7 } });
  });

  it('refuses null for a name and unknown fields', async () => {
    const { id, keys } = await aProject(app);
    for (const body of [{ name: null }, { id: randomUUID() }, { number: 1 }, []])
      expect((await ask(app, `/projects/${id}`, { method: 'PATCH', key: keys.adm, body })).status).toBe(400);
  });
});

describe('deleting a project', () => {
  it('hides it and ends its keys at once, erases it everywhere, and keeps the job readable for root', async () => {
    const project = await aProject(app);
    const { status, body } = await ask<{ job: { id: string } }>(app, `/projects/${project.id}`, {
      method: 'DELETE',
      key: project.keys.adm,
    });
    expect([status, body]).toMatchObject([202, { job: { kind: 'project.erase', error: null } }]);
    expect((await ask(app, `/projects/${project.id}`, { key: project.keys.adm })).status).toBe(401);
    expect((await ask(app, `/projects/${project.id}`, { key: app.rootKey })).status).toBe(404);
    const job = await until(
      () => ask(app, `/jobs/${body.job.id}`, { key: app.rootKey }),
      (answer) => answer.body.state === 'completed',
    );
    expect(job.body).toMatchObject({ state: 'completed', progress: 1, finishedAt: expect.any(String) });
    expect(erased).toContain(project.id);
  });

  it('tries again where a store is away', async () => {
    const project = await aProject(app);
    eraserFails = 1;
    const { body } = await ask<{ job: { id: string } }>(app, `/projects/${project.id}`, {
      method: 'DELETE',
      key: app.rootKey,
    });
    const job = await until(
      () => ask(app, `/jobs/${body.job.id}`, { key: app.rootKey }),
      (answer) => answer.body.state === 'completed',
      20_000,
    );
    expect([job.body.state, job.body.error, eraserFails, erased.includes(project.id)]).toEqual([
      'completed',
      null,
      0,
      true,
    ]);
  });

  it('shows a job to root and to the keys of its project that may administer it, and to nobody else', async () => {
    const [project, other] = [await aProject(app), await aProject(app)];
    const job = await app.app.get(JobsService).start('nobody.does.this', project.id);
    const statusOf = async (key: string, id: string): Promise<number> =>
      (await ask(app, `/jobs/${id}`, { key })).status;
    expect(await statusOf(app.rootKey, job.id)).toBe(200);
    expect(await statusOf(project.keys.adm, job.id)).toBe(200);
    expect(await statusOf(project.keys.sec, job.id)).toBe(403);
    expect(await statusOf(other.keys.adm, job.id)).toBe(404);
    expect(await statusOf(app.rootKey, randomUUID())).toBe(404);
    expect(await statusOf(app.rootKey, 'nonsense')).toBe(400);
  });
});

describe('use', () => {
  interface Usage {
    data: { day: string; events: number; rejected: number; duplicates: number; bytes: number }[];
  }

  it('is added up per day, zeros included, the last 30 days by default', async () => {
    const { id, keys } = await aProject(app);
    const recorder = app.app.get(UsageRecorder);
    for (let count = 0; count < 10; count += 1) recorder.add(id, { events: 3, bytes: 100 });
    await recorder.write();
    recorder.add(id, { rejected: 1, duplicates: 2 });
    recorder.add(randomUUID(), { events: 1 });
    await recorder.write();
    const { body } = await ask<Usage>(app, `/projects/${id}/usage`, { key: keys.adm });
    expect(body.data).toHaveLength(30);
    expect(body.data.at(-1)).toEqual({
      day: new Date().toISOString().slice(0, 10),
      events: 30,
      rejected: 1,
      duplicates: 2,
      bytes: 1_000,
    });
    expect(body.data.slice(0, -1).every(({ events, bytes }) => events + bytes === 0)).toBe(true);
  });

  it('answers the days that were asked for, both included', async () => {
    const { id, keys } = await aProject(app);
    const path = `/projects/${id}/usage?from=2024-02-28&to=2024-03-01`;
    const { body } = await ask<Usage>(app, path, { key: keys.adm });
    expect(body.data.map(({ day }) => day)).toEqual(['2024-02-28', '2024-02-29', '2024-03-01']);
  });

  it.each([
    'from=2024-02-28',
    'to=2024-02-28',
    'from=2024-02-02&to=2024-02-01',
    'from=2024-02-30&to=2024-03-01',
    'from=0001-01-01&to=9999-12-31',
  ])('refuses ?%s', async (query) => {
    const { id, keys } = await aProject(app);
    expect((await ask(app, `/projects/${id}/usage?${query}`, { key: keys.adm })).status).toBe(400);
  });
});
