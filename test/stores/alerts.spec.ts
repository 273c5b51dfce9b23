// Is somebody told when a figure breaks its rule, once, and when it keeps it again, whatever fails in between? On real stores, in the test's own time.
import { AlertChecks } from '../../src/alerts/alert-checks';
import { DeliveriesRepository } from '../../src/alerts/deliveries.repository';
import { DeliveriesService, WAITS_MS } from '../../src/alerts/deliveries.service';
import { StoreUrls } from '../../src/config/env';
import { Queues } from '../../src/platform/queue/queues';
import { aProject, ask, someStores, startTestApp, type TestApp, until } from '../support';
import { aFaultyStore, type FaultyStore } from '../support/faults';
import { aHookReceiver, type HookReceiver, isSigned } from '../support/hook-receiver';
import { type AlertBody, AlertWorld, TestTime } from './alerts.harness';

const PRIVATE = { ALERT_PRIVATE_ADDRESSES: 'true' };
const time = new TestTime();
let store: FaultyStore;
let app: TestApp;
let other: TestApp;
let receiver: HookReceiver;
let world: AlertWorld;

beforeAll(async () => {
  const urls = await someStores();
  store = await aFaultyStore(urls.clickhouse);
  // No worker: checks and deliveries are made by hand, in the test's time.
  app = await startTestApp({
    urls: new StoreUrls(urls.postgres, store.url),
    env: { ROLES: 'api', INSERT_TIMEOUT_MS: '5000', ...PRIVATE },
  });
  other = await startTestApp({ urls, rootKey: app.rootKey, env: { ROLES: 'api', ...PRIVATE } });
  receiver = await aHookReceiver();
  time.hold(app, other);
});
afterAll(async () => {
  await Promise.all([app.close(), other.close()]);
  await Promise.all([receiver.close(), store.close()]);
});
beforeEach(async () => {
  receiver.got.length = 0;
  receiver.status = 200;
  receiver.location = undefined;
  world = await AlertWorld.of(app, time, `http://127.0.0.1:${receiver.port}/hook`);
});

const told = (): string[] => receiver.got.map(({ body }) => `${body.type} ${body.value}`);
/** Alerts of tests before are none of this one's. */
const alone = async (alert: AlertBody): Promise<void> => void (await world.change(alert.id, { enabled: false }));

describe('an alert', () => {
  it('fires beyond its threshold and not at it, once, and says when that is over', async () => {
    const alert = await world.alert();
    expect(alert).toMatchObject({ state: 'unknown', lastCheckedAt: null, lastValue: null });
    const steps: [orders: number, state: string, value: number][] = [
      [1, 'ok', 1],
      [1, 'ok', 2],
      [1, 'firing', 3],
      [0, 'firing', 3],
      [5, 'firing', 8],
    ];
    for (const [orders, state, value] of steps) {
      if (orders > 0) await world.orders(orders);
      await world.look();
      await world.deliver();
      expect(await world.read(alert.id)).toMatchObject({ state, lastValue: value });
    }
    expect(told()).toEqual(['alert.firing 3']);
    time.at += 3_600_000;
    await world.look();
    await world.look();
    await world.deliver();
    expect(told()).toEqual(['alert.firing 3', 'alert.resolved 0']);
    const [first] = receiver.got;
    expect(first?.body).toEqual({
      id: first?.delivery,
      type: 'alert.firing',
      createdAt: expect.stringMatching(/Z$/),
      project: { id: world.project.id, name: world.project.name },
      alert: {
        id: alert.id,
        name: alert.name,
        metric: 'events',
        filters: ['is', 'event', ['order']],
        window: 3_600,
        condition: 'above',
        threshold: 2,
        state: 'firing',
      },
      value: 3,
    });
    await alone(alert);
  });

  it('compares with the window before', async () => {
    const alert = await world.alert({ condition: 'increasesBy', threshold: 0.5, window: 600 });
    await world.orders(4, 700);
    await world.orders(5, 10);
    await world.look();
    expect(await world.read(alert.id)).toMatchObject({ state: 'ok', lastValue: 5 });
    await world.orders(1, 10);
    await world.look();
    await world.deliver();
    expect(receiver.got.map(({ body }) => [body.type, body.value, body.previous])).toEqual([['alert.firing', 6, 4]]);
    await alone(alert);
  });

  it('looks for goals, and is unknown when its goal is gone', async () => {
    const key = world.project.keys.sec;
    const goal = await ask<{ id: string }>(app, '/goals', { key, body: { name: 'Bought', event: 'order' } });
    const alert = await world.alert({ filters: ['is', 'goal', ['Bought']], metric: 'visitors', threshold: 0 });
    await world.orders(3);
    await world.look();
    expect(await world.read(alert.id)).toMatchObject({ state: 'firing', lastValue: 1 });
    await ask(app, `/goals/${goal.body.id}`, { key, method: 'DELETE' });
    await world.look();
    expect(await world.read(alert.id)).toMatchObject({ state: 'unknown', lastValue: null });
    await world.change(alert.id, { filters: null });
    await world.look();
    await world.deliver();
    expect(await world.read(alert.id)).toMatchObject({ state: 'firing' });
    // It never ended as far as its receiver knows.
    expect(told()).toEqual(['alert.firing 1']);
    await alone(alert);
  });

  it('is checked again at once when a clock that was days ahead is put back', async () => {
    const alert = await world.alert();
    time.at += 172_800_000;
    await world.look();
    time.at -= 172_800_000;
    await world.orders(3);
    await world.look();
    await world.deliver();
    expect(await world.read(alert.id)).toMatchObject({ state: 'firing', lastValue: 3 });
    expect(told()).toEqual(['alert.firing 3']);
  });

  it('is not checked while it is disabled, and goes on from what was told', async () => {
    const alert = await world.alert();
    await world.orders(3);
    await world.look();
    expect(await world.change(alert.id, { enabled: false })).toMatchObject({ state: 'unknown', enabled: false });
    time.at += 3_600_000;
    await world.look();
    expect(await world.read(alert.id)).toMatchObject({ state: 'unknown', lastCheckedAt: null });
    await world.change(alert.id, { enabled: true });
    await world.look();
    expect((await world.deliveries()).map(({ type }) => type)).toEqual(['alert.resolved', 'alert.firing']);
    await alone(alert);
  });

  it('stays as it is while the warehouse is away, and is checked when it is back', async () => {
    const alert = await world.alert();
    await world.orders(1);
    await world.look();
    const before = await world.read(alert.id);
    expect(before).toMatchObject({ state: 'ok', lastValue: 1 });
    await world.orders(2);
    store.set('refuse');
    await world.look();
    expect(await world.read(alert.id)).toEqual(before);
    store.set('pass');
    await until(
      async () => {
        await app.app.get(AlertChecks).look();
        return world.read(alert.id);
      },
      ({ state }) => state === 'firing',
    );
    expect(await world.read(alert.id)).toMatchObject({ state: 'firing', lastValue: 3 });
    await alone(alert);
  });

  it('is told once by two workers that look at the same time', async () => {
    const alerts = await Promise.all(Array.from({ length: 5 }, () => world.alert()));
    await world.orders(3);
    time.at += 60_000;
    await Promise.all([app, other, app, other].map((one) => one.app.get(AlertChecks).look()));
    const deliveries = await world.deliveries();
    expect(deliveries).toHaveLength(5);
    const deliver = (one: TestApp, id: string): Promise<void> => one.app.get(DeliveriesService).deliver(id);
    await Promise.all(deliveries.flatMap(({ id }) => [deliver(app, id), deliver(other, id), deliver(app, id)]));
    expect(receiver.got).toHaveLength(5);
    expect(new Set(receiver.got.map(({ body }) => body.alert['id']))).toEqual(new Set(alerts.map(({ id }) => id)));
    for (const alert of alerts) await alone(alert);
  });
});

describe('a delivery', () => {
  it('is signed so that its receiver can tell, with the secret of that moment', async () => {
    const alert = await world.alert();
    await world.orders(3);
    await world.look();
    const path = `/alerts/${alert.id}/secret`;
    const rotated = await ask<{ secret: string }>(app, path, { key: world.project.keys.adm, method: 'POST' });
    expect(rotated.body.secret).toMatch(/^whsec_[\w-]{32}$/);
    expect(rotated.body.secret).not.toBe(alert.secret);
    await world.deliver();
    const [got] = receiver.got;
    expect(isSigned(got!, rotated.body.secret, time.at)).toBe(true);
    expect(isSigned(got!, alert.secret, time.at)).toBe(false);
    expect(isSigned({ ...got!, text: `${got!.text} ` }, rotated.body.secret, time.at)).toBe(false);
    await alone(alert);
  });

  it('is tried eight times over a day, then dead, and has all its tries again when it is replayed', async () => {
    const alert = await world.alert();
    await world.orders(3);
    await world.look();
    receiver.status = 503;
    const began = time.at;
    for (const [at, wait] of WAITS_MS.entries()) {
      await world.deliver();
      // Not before its time.
      await world.deliver();
      const [waiting] = await world.deliveries();
      expect(waiting).toMatchObject({
        state: 'pending',
        attempts: at + 1,
        nextAttemptAt: new Date(time.at + wait).toISOString(),
        lastAttempt: { fault: 'status', status: 503, response: 'heard' },
      });
      time.at += wait;
    }
    await world.deliver();
    expect(receiver.got).toHaveLength(8);
    expect((time.at - began) / 3_600_000).toBeCloseTo(23.35);
    time.at += 86_400_000;
    await world.deliver();
    expect(receiver.got).toHaveLength(8);
    const [dead] = await world.deliveries('?state=dead');
    expect(dead).toMatchObject({ state: 'dead', attempts: 8, nextAttemptAt: null });

    receiver.status = 200;
    const replay = (key: string): ReturnType<typeof ask> =>
      ask(app, `/webhooks/deliveries/${dead!.id}/replay`, { key, method: 'POST' });
    expect((await replay(world.project.keys.sec)).status).toBe(403);
    expect((await replay((await aProject(app)).keys.adm)).status).toBe(404);
    const again = await replay(world.project.keys.adm);
    expect([again.status, again.body]).toMatchObject([200, { state: 'pending', attempts: 0 }]);
    expect(await replay(world.project.keys.adm)).toMatchObject({ status: 409, body: { code: 'delivery_pending' } });
    await world.deliver();
    expect(await world.deliveries('?state=delivered')).toMatchObject([{ id: dead!.id, attempts: 1 }]);
    expect(new Set(receiver.got.map(({ delivery, text }) => `${delivery} ${text}`)).size).toBe(1);
    await alone(alert);
  });

  it('is not lost with the worker that found the change, nor with the one that was sending it', async () => {
    const alert = await world.alert();
    await world.orders(3);
    const cut = jest.spyOn(app.app.get(Queues), 'add').mockRejectedValue(new Error('the process ended here'));
    await world.look();
    cut.mockRestore();
    expect(await world.deliveries()).toMatchObject([{ state: 'pending', attempts: 0 }]);
    const added = jest.spyOn(other.app.get(Queues), 'add');
    await other.app.get(DeliveriesService).handOverDue();
    const ids = added.mock.calls.map(([, , data]) => data['id']);
    added.mockRestore();
    const [waiting] = await world.deliveries();
    expect(ids).toContain(waiting?.id);
    // A worker that took it and went away: another one has it a minute later.
    const claimed = await other.app.get(DeliveriesRepository).claim(waiting?.id ?? '', time.at, time.at + 60_000);
    expect(claimed?.delivery.attempts).toBe(1);
    await world.deliver();
    expect(told()).toEqual([]);
    time.at += 60_000;
    await world.deliver();
    expect(told()).toEqual(['alert.firing 3']);
    await alone(alert);
  });

  it('goes through the queue to a worker', async () => {
    const worker = await startTestApp({ env: PRIVATE });
    try {
      const busy = await AlertWorld.of(worker, new TestTime(), world.hook);
      await busy.alert();
      await busy.orders(3);
      await worker.app.get(AlertChecks).look();
      await until(
        () => Promise.resolve(receiver.got.length),
        (count) => count > 0,
      );
      expect(told()).toEqual(['alert.firing 3']);
      const delivered = await until(
        () => busy.deliveries(),
        ([one]) => one?.state === 'delivered',
      );
      expect(delivered).toMatchObject([{ state: 'delivered', attempts: 1, lastAttempt: { fault: null, status: 200 } }]);
      const metrics = await (await fetch(`${worker.url}/metrics`)).text();
      expect(metrics).toContain('millrace_webhook_deliveries_total{outcome="delivered"} 1');
    } finally {
      await worker.close();
    }
  });
});
