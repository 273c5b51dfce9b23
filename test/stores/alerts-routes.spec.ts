// Do alerts come, change and go as the contract has it, belong to nobody but their project, and reach nobody but the public internet?
import { randomUUID } from 'node:crypto';
import { aProject, ask, startTestApp, type AProject, type Answer, type TestApp } from '../support';
import { aHookReceiver, type HookReceiver, isSigned } from '../support/hook-receiver';
import type { AlertBody } from './alerts.harness';

interface Fault {
  code: string;
  errors: { path: string; code: string }[];
}

let app: TestApp;
/** The same stores, but private addresses are allowed. */
let lax: TestApp;
let receiver: HookReceiver;
let shop: AProject;

beforeAll(async () => {
  app = await startTestApp({ env: { ROLES: 'api' } });
  const { urls, rootKey } = app;
  lax = await startTestApp({ urls, rootKey, env: { ROLES: 'api', ALERT_PRIVATE_ADDRESSES: 'true' } });
  receiver = await aHookReceiver();
  shop = await aProject(app);
});
afterAll(async () => {
  await Promise.all([app.close(), lax.close()]);
  await receiver.close();
});
beforeEach(() => {
  receiver.got.length = 0;
  receiver.status = 200;
  receiver.location = undefined;
});

const GOOD = {
  name: 'Orders',
  metric: 'events',
  window: 3_600,
  condition: 'above',
  threshold: 10,
  webhook: { url: 'https://hooks.example/in' },
};
const create = <T = AlertBody>(wish: object, server = app, project = shop): Promise<Answer<T>> =>
  ask<T>(server, '/alerts', { key: project.keys.adm, body: { ...GOOD, name: randomUUID(), ...wish } });
const test = async (id: string, server: TestApp): Promise<unknown> =>
  (await ask(server, `/alerts/${id}/test`, { key: shop.keys.adm, method: 'POST' })).body;

describe('an alert', () => {
  it('is answered with its secret once, and read, changed and deleted without', async () => {
    const filters = ['and', ['is', 'event', ['order']], ['gte', 'property:seats', [5]]];
    const { status, body } = await create({ name: '  Orders  ', filters });
    const { secret, ...alert } = body;
    expect([status, secret]).toEqual([201, expect.stringMatching(/^whsec_[\w-]{32}$/)]);
    expect(alert).toEqual({
      ...GOOD,
      id: expect.any(String),
      filters,
      enabled: true,
      state: 'unknown',
      lastCheckedAt: null,
      lastValue: null,
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: alert['createdAt'],
    });
    const path = `/alerts/${body.id}`;
    expect((await ask(app, path, { key: shop.keys.sec })).body).toEqual(alert);
    const change = { threshold: -1.5, filters: null, enabled: false, webhook: { url: 'http://hooks.example:81/' } };
    const changed = await ask(app, path, { key: shop.keys.adm, method: 'PATCH', body: change });
    expect(changed.body).toEqual({ ...alert, ...change, updatedAt: expect.any(String) });
    expect((await ask(app, path, { key: shop.keys.adm, method: 'DELETE' })).status).toBe(204);
    expect((await ask(app, path, { key: shop.keys.sec })).status).toBe(404);
  });

  it.each<[string, object, string]>([
    ['an unknown metric', { metric: 'clicks' }, 'metric unknown_metric'],
    ['a metric that is no number', { metric: 'revenue' }, 'metric not_a_number'],
    ['too short a window', { window: 59 }, 'window out_of_range'],
    ['too long a window', { window: 2_678_401 }, 'window out_of_range'],
    ['an unknown condition', { condition: 'equals' }, 'condition not_allowed'],
    ['no threshold', { threshold: null }, 'threshold required'],
    ['a change of nothing', { condition: 'increasesBy', threshold: 0 }, 'threshold out_of_range'],
    ['filters of nothing', { filters: ['is', 'colour', ['x']] }, 'filters[1] unknown_dimension'],
    ['a goal that there is none of', { filters: ['is', 'goal', ['x']] }, 'filters[2][0] unknown_goal'],
    ['no receiver', { webhook: {} }, 'webhook.url required'],
    ['a receiver by another protocol', { webhook: { url: 'ftp://hooks.example/' } }, 'webhook.url invalid_url'],
    ['a receiver with a password', { webhook: { url: 'http://a:b@hooks.example/' } }, 'webhook.url holds_credentials'],
    ['this machine', { webhook: { url: 'http://127.0.0.1/' } }, 'webhook.url private_address'],
    ['this machine as a number', { webhook: { url: 'http://2130706433/' } }, 'webhook.url private_address'],
    ['the metadata of a cloud', { webhook: { url: 'http://169.254.169.254/' } }, 'webhook.url private_address'],
    ['IPv4 as IPv6', { webhook: { url: 'http://[::ffff:10.0.0.1]/' } }, 'webhook.url private_address'],
  ])('is refused with %s', async (_case, wish, fault) => {
    const { status, body } = await create<Fault>(wish);
    expect([status, ...body.errors.map(({ path, code }) => `${path} ${code}`)]).toEqual([400, fault]);
  });

  it('has a name of its own, and 99 others beside it at most', async () => {
    const project = await aProject(app);
    const first = await create({ name: 'One' }, app, project);
    const again = await create<Fault>({ name: 'One' }, app, project);
    expect([first.status, again.status, again.body.code]).toEqual([201, 409, 'alert_name_taken']);
    for (let made = 1; made < 100; made += 1) expect((await create({}, app, project)).status).toBe(201);
    const more = await create<Fault>({}, app, project);
    expect([more.status, more.body.code]).toEqual([409, 'too_many_alerts']);
    const names = new Set<string>();
    let cursor = '';
    for (let pages = 0; pages < 4; pages += 1) {
      const { body } = await ask<{ data: AlertBody[]; page: { next: string | null } }>(
        app,
        `/alerts?limit=30${cursor}`,
        { key: project.keys.sec },
      );
      for (const { name } of body.data) names.add(name);
      cursor = `&cursor=${body.page.next}`;
    }
    expect(names.size).toBe(100);
  });

  it('is read with stats:read, and written by owners of its project alone', async () => {
    const { body } = await create({});
    const stranger = await aProject(app);
    const routes: [method: string, path: string, body?: object][] = [
      ['GET', `/alerts/${body.id}`],
      ['PATCH', `/alerts/${body.id}`, { threshold: 5 }],
      ['POST', `/alerts/${body.id}/secret`],
      ['POST', `/alerts/${body.id}/test`],
      ['DELETE', `/alerts/${body.id}`],
    ];
    const statusesOf = async (key: string): Promise<number[]> => {
      const all: number[] = [];
      for (const [method, path, sent] of routes)
        all.push((await ask(app, path, { key, method, ...(sent === undefined ? {} : { body: sent }) })).status);
      return all;
    };
    expect(await statusesOf(shop.keys.pub)).toEqual([403, 403, 403, 403, 403]);
    expect(await statusesOf(shop.keys.sec)).toEqual([200, 403, 403, 403, 403]);
    expect(await statusesOf(stranger.keys.adm)).toEqual([404, 404, 404, 404, 404]);
    expect((await ask(app, '/alerts', { key: shop.keys.sec, body: GOOD })).status).toBe(403);
    expect((await ask(app, '/webhooks/deliveries', { key: shop.keys.pub })).status).toBe(403);
    expect((await ask(app, '/webhooks/deliveries?state=lost', { key: shop.keys.sec })).status).toBe(400);
  });
});

describe('a test', () => {
  it('sends a signed message now, and answers how that went', async () => {
    const { body } = await create({ webhook: { url: `http://localhost:${receiver.port}/` } }, lax);
    expect(await test(body.id, lax)).toEqual({
      id: receiver.got[0]?.delivery,
      delivered: true,
      fault: null,
      status: 200,
      response: 'heard',
      duration: expect.any(Number),
    });
    expect(receiver.got[0]?.body).toMatchObject({ type: 'alert.test', value: null, alert: { id: body.id } });
    expect(isSigned(receiver.got[0]!, body.secret, Date.now())).toBe(true);
    receiver.status = 500;
    expect(await test(body.id, lax)).toMatchObject({ delivered: false, fault: 'status', status: 500 });
  });

  it('reaches no private address, by number, by name or by a redirect', async () => {
    const byName = await create({ webhook: { url: `http://localhost:${receiver.port}/` } });
    expect(byName.status).toBe(201);
    const byNumber = await create({ webhook: { url: `http://127.0.0.1:${receiver.port}/` } }, lax);
    for (const { body } of [byName, byNumber])
      expect(await test(body.id, app)).toMatchObject({ delivered: false, fault: 'refused_address', status: null });
    expect(receiver.got).toEqual([]);
    const inner = await aHookReceiver();
    receiver.status = 307;
    receiver.location = `http://127.0.0.1:${inner.port}/`;
    expect(await test(byNumber.body.id, lax)).toMatchObject({ delivered: false, fault: 'redirect', status: 307 });
    expect([receiver.got.length, inner.got.length]).toEqual([1, 0]);
    await inner.close();
  });
});
