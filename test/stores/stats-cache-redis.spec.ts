// Do processes share answers through a real Redis, never a stale one, and does nobody notice when it forgets, hangs or goes? Two replicas, over HTTP.
import { DAY_MS } from '../../src/common/time-range';
import { aProject, ask, someStores, startTestApp, until, type AProject, type TestApp } from '../support';
import { hasRedis, ownRedis, type OwnRedis } from '../support/own-redis';

let redis: OwnRedis;
let one: TestApp;
let other: TestApp;

const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const day = (of: number): string => new Date(of).toISOString().slice(0, 10);
const PATH = `/stats/overview?from=${day(today)}&to=${day(today + DAY_MS)}`;

const figures = async (app: TestApp, { keys }: AProject): Promise<{ events: number; cache: string | undefined }> => {
  const { status, body, headers } = await ask<{ data: { events: number } }>(app, PATH, { key: keys.sec });
  expect(status).toBe(200);
  return { events: body.data.events, cache: /cache;desc=(\w+)/.exec(headers.get('server-timing') ?? '')?.[1] };
};
const send = async (app: TestApp, { keys }: AProject): Promise<void> => {
  const event = { name: 'pageview', visitorId: 'v', url: 'https://a.example/' };
  expect((await ask(app, '/events', { key: keys.sec, body: event })).status).toBe(200);
};
const kept = (): Promise<string[]> => redis.client.keys('millrace:stats:*');

// Without a Redis server none of this can be seen; a suite must hold a test.
if (hasRedis())
  describe('answers, shared through Redis', () => {
    beforeAll(async () => {
      redis = await ownRedis();
      const urls = { ...(await someStores()), redis: redis.url };
      one = await startTestApp({ urls });
      other = await startTestApp({ urls, rootKey: one.rootKey, env: { ROLES: 'api' } });
    });
    afterAll(async () => {
      await Promise.all([one.close(), other.close()]);
      await redis.end();
    });

    it('are given by one process to the other, until an event is acknowledged by either', async () => {
      const project = await aProject(one);
      await send(one, project);
      expect(await figures(one, project)).toMatchObject({ events: 1 });
      await until(kept, (keys) => keys.length > 0, 20_000);
      expect(await figures(other, project)).toEqual({ events: 1, cache: 'shared' });
      for (let count = 2; count < 8; count += 1) {
        await send(count % 2 === 0 ? other : one, project);
        expect(await figures(one, project)).toMatchObject({ events: count });
        expect(await figures(other, project)).toMatchObject({ events: count });
      }
    });

    it('are worked out where Redis forgot them or is gone, and shared again when it is back', async () => {
      const project = await aProject(one);
      await send(one, project);
      expect(await figures(one, project)).toMatchObject({ events: 1 });
      await redis.client.flushall();
      expect(await figures(other, project)).toMatchObject({ events: 1, cache: 'miss' });
      await redis.stop();
      await send(other, project);
      expect([await figures(one, project), await figures(other, project)]).toMatchObject([
        { events: 2 },
        { events: 2 },
      ]);
      await redis.start();
      const again = await until(
        async () => {
          await send(one, project);
          await figures(one, project);
          await new Promise((resolve) => setTimeout(resolve, 200));
          return (await figures(other, project)).cache;
        },
        (cache) => cache === 'shared',
        40_000,
      );
      expect(again).toBe('shared');
    });
  });
else
  it('are not tried, as there is no redis-server here', () => {
    expect(process.env['REDIS_TESTS']).not.toBe('required');
  });
