// Do limits hold for a project over all of its routes and processes? Over the whole app, with counts in a real Postgres and in a real Redis.
import fc from 'fast-check';
import { FailedAttempts } from '../../src/auth/failed-attempts';
import { RedisThrottle } from '../../src/auth/throttle/redis-throttle';
import { ThrottleCounters } from '../../src/auth/throttle/throttle-counters';
import { ThrottleStore, type Heard, type Told } from '../../src/auth/throttle/throttle-store';
import { throttleCounts } from '../../src/auth/auth.schema';
import { Clock } from '../../src/common/clock';
import { StoreUrls } from '../../src/config/env';
import { Postgres } from '../../src/platform/postgres/postgres';
import { aProject, ask, someStores, startTestApp, until, type TestApp } from '../support';
import { hasRedis, ownRedis, type OwnRedis } from '../support/own-redis';
import { ProbeModule } from '../support/probe';

describe.each(['Postgres', ...(hasRedis() ? ['Redis'] : [])])('limits, counted in %s', (store) => {
  let app: TestApp;
  let replica: TestApp;
  let redis: OwnRedis | undefined;

  beforeAll(async () => {
    const env = { RATE_LIMIT_REQUESTS: '20', RATE_LIMIT_SECONDS: '86400', AUTH_FAILURES_PER_MINUTE: '40' };
    const { postgres, clickhouse } = await someStores();
    if (store === 'Redis') redis = await ownRedis();
    const urls = new StoreUrls(postgres, clickhouse, redis?.url);
    app = await startTestApp({ imports: [ProbeModule], env, urls });
    replica = await startTestApp({ imports: [ProbeModule], env, urls, rootKey: app.rootKey });
  });
  afterAll(async () => {
    await Promise.all([app.close(), replica.close()]);
    await redis?.end();
  });

  const countersOf = (at: TestApp): ThrottleCounters => at.app.get(ThrottleCounters, { strict: false });
  const sync = (at: TestApp): Promise<void> => countersOf(at).sync();

  it('counts all routes of a project together, says what is left, and refuses the rest', async () => {
    const { id, keys } = await aProject(app);
    const first = await ask(app, '/probe/stats', { key: keys.sec });
    expect(first.headers.get('ratelimit-policy')).toBe('"requests";q=20;w=86400');
    expect(first.headers.get('ratelimit')).toMatch(/^"requests";r=19;t=\d+$/);
    const second = await ask(app, `/projects/${id}`, { key: keys.adm });
    expect(second.headers.get('ratelimit')).toMatch(/^"requests";r=18;/);
    for (let count = 0; count < 18; count += 1) await ask(app, '/probe/events', { key: keys.pub, body: {} });
    const last = await ask(app, '/probe/stats', { key: keys.sec });
    expect([last.status, last.body.code]).toEqual([429, 'too_many_requests']);
    expect(last.headers.get('ratelimit')).toMatch(/^"requests";r=0;/);
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
    const other = await aProject(app);
    expect((await ask(app, '/probe/stats', { key: other.keys.sec })).status).toBe(200);
  });

  it('counts what other processes let in', async () => {
    const { keys } = await aProject(app);
    for (let count = 0; count < 15; count += 1) await ask(app, '/probe/stats', { key: keys.sec });
    await sync(app);
    await ask(replica, '/probe/stats', { key: keys.sec });
    await sync(replica);
    const { headers } = await ask(replica, '/probe/stats', { key: keys.sec });
    expect(headers.get('ratelimit')).toMatch(/^"requests";r=3;/);
  });

  it('tells the others by itself within about a second', async () => {
    const { keys } = await aProject(app);
    for (let count = 0; count < 10; count += 1) await ask(app, '/probe/stats', { key: keys.sec });
    let asked = 0;
    const left = await until(
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 600));
        asked += 1;
        const { headers } = await ask(replica, '/probe/stats', { key: keys.sec });
        return Number(/r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1]);
      },
      (found) => found === 10 - asked,
      5_000,
    );
    expect(left).toBe(10 - asked);
  });

  it('takes a project’s events all or none, and says what is left of both limits', async () => {
    const { keys } = await aProject(app, { settings: { rateLimit: { events: 10, perSeconds: 86_400 } } });
    const send = (count: number) => ask(app, '/probe/events', { key: keys.sec, body: { count } });
    const first = await send(7);
    expect([first.status, first.headers.get('ratelimit-policy')]).toEqual([
      200,
      '"requests";q=20;w=86400, "events";q=10;w=86400',
    ]);
    expect(first.headers.get('ratelimit')).toMatch(/^"requests";r=19;t=\d+, "events";r=3;t=\d+$/);
    const second = await send(4);
    expect([second.status, Number(second.headers.get('retry-after')) > 0]).toEqual([429, true]);
    expect(second.headers.get('ratelimit')).toMatch(/"events";r=3;/);
    expect((await send(3)).status).toBe(200);
    expect((await send(1)).status).toBe(429);
  });

  it('takes over a changed limit at once', async () => {
    const { id, keys } = await aProject(app, { settings: { rateLimit: { events: 1, perSeconds: 86_400 } } });
    const send = async (): Promise<number> => (await ask(app, '/probe/events', { key: keys.sec, body: {} })).status;
    expect([await send(), await send()]).toEqual([200, 429]);
    await ask(app, `/projects/${id}`, { method: 'PATCH', key: keys.adm, body: { settings: { rateLimit: null } } });
    expect(await send()).toBe(200);
  });

  it('counts nobody without a key, and sends such answers no limits', async () => {
    const { headers } = await ask(app, '/probe/open');
    expect(headers.get('ratelimit')).toBeNull();
  });

  it('counts failed attempts of an address in all processes together, and names the address nowhere', async () => {
    const guess = async (at: TestApp): Promise<number> => (await ask(at, '/probe/stats', { key: 'guess' })).status;
    const failed = (at: TestApp): FailedAttempts => at.app.get(FailedAttempts, { strict: false });
    for (let count = 0; count < 20; count += 1) expect(failed(app).count('192.0.2.77')).toBeUndefined();
    await sync(app);
    for (let count = 0; count < 10; count += 1) expect(failed(replica).count('192.0.2.77')).toBeUndefined();
    await sync(replica);
    for (let count = 0; count < 10; count += 1) expect(failed(replica).count('192.0.2.77')).toBeUndefined();
    expect(failed(replica).count('192.0.2.77')).toBeGreaterThan(0);
    expect(await guess(app)).toBe(401);
    const said =
      redis === undefined
        ? JSON.stringify(await app.app.get(Postgres).run((db) => db.select().from(throttleCounts)))
        : (await redis.client.keys('*')).join(' ');
    expect(said).toContain('address:');
    expect(said).not.toContain('192.0.2.77');
  });
});

// What Redis alone can do to counts.
if (hasRedis())
  describe('limits, where Redis', () => {
    const limit = { quota: 100, windowSeconds: 86_400 };
    let redis: OwnRedis;
    const open: RedisThrottle[] = [];
    beforeAll(async () => (redis = await ownRedis()));
    afterEach(async () => {
      for (const store of open.splice(0)) await store.onApplicationShutdown();
    });
    afterAll(() => redis.end());

    const make = (): ThrottleCounters => {
      const store = new RedisThrottle(redis.url, new Clock());
      open.push(store);
      return new ThrottleCounters(store, new StoreUrls('postgres://a', 'http://b', redis.url), new Clock());
    };
    const take = (at: ThrottleCounters, name: string, count: number) =>
      at.take(name, limit, count, 'project').remaining;
    /** Tells, again and again, until Redis has heard of a bucket. */
    const heardOf = async (at: ThrottleCounters, name: string): Promise<string> => {
      const keys = await until(
        () => at.sync().then(() => redis.client.keys(`millrace:limits:${name}:*`)),
        (found) => found.length > 0,
        20_000,
      );
      expect(keys).toHaveLength(1);
      return keys[0] ?? '';
    };
    /** A process whose connection stands. */
    const aProcess = async (): Promise<ThrottleCounters> => {
      const made = make();
      const name = `ready-${open.length}-${Math.random()}`;
      take(made, name, 1);
      await heardOf(made, name);
      return made;
    };

    it('forgot everything, get back to the sum as processes go on counting', async () => {
      const [one, other] = [await aProcess(), await aProcess()];
      take(one, 'b', 6);
      await one.sync();
      expect(take(other, 'b', 4)).toBe(96);
      await other.sync();
      expect(other.look('b', limit, 'project').remaining).toBe(90);
      await redis.client.flushall();
      take(other, 'b', 1);
      await other.sync();
      // Never more than it knew to be left before.
      expect(other.look('b', limit, 'project').remaining).toBe(90);
      take(one, 'b', 1);
      await one.sync();
      expect(take(other, 'b', 1)).toBe(89);
      await other.sync();
      expect(other.look('b', limit, 'project').remaining).toBe(87);
    });

    it('was away, lose nothing of what was counted meanwhile', async () => {
      const one = await aProcess();
      take(one, 'c', 1);
      await one.sync();
      await redis.stop();
      expect(take(one, 'c', 5)).toBe(94);
      await one.sync();
      expect(one.look('c', limit, 'project').remaining).toBe(94);
      await redis.start();
      await heardOf(one, 'c');
      const other = await aProcess();
      expect(take(other, 'c', 1)).toBe(99);
      await other.sync();
      expect(other.look('c', limit, 'project').remaining).toBe(93);
    });

    it('is full, go on counting in each process alone', async () => {
      const one = await aProcess();
      await redis.client.config('SET', 'maxmemory', '1mb');
      try {
        take(one, 'e', 5);
        await one.sync();
        expect(take(one, 'e', 1)).toBe(94);
        expect(await redis.client.keys('millrace:limits:e:*')).toEqual([]);
      } finally {
        await redis.client.config('SET', 'maxmemory', '0');
      }
      await one.sync();
      expect(await redis.client.keys('millrace:limits:e:*')).toHaveLength(1);
    });

    it('keeps a count, it has an end from the very first', async () => {
      const one = make();
      one.take('d', { quota: 5, windowSeconds: 10 }, 1, 'project');
      const key = await heardOf(one, 'd');
      const left = await redis.client.ttl(key);
      expect([left > 0, left <= 70]).toEqual([true, true]);
    });
  });

describe('the counters', () => {
  class Hand extends Clock {
    time = 1_000_000_000_000;
    override now(): number {
      return this.time;
    }
  }

  const make = (add: ThrottleStore['add'] = () => Promise.resolve([])): { counters: ThrottleCounters; clock: Hand } => {
    const clock = new Hand();
    const store: ThrottleStore = {
      everyMs: 500,
      add,
      removeBefore: () => Promise.resolve(),
      beforeClose: () => undefined,
    };
    return { counters: new ThrottleCounters(store, new StoreUrls('postgres://a', 'http://b'), clock), clock };
  };

  it('never let more through than the limit, and nothing less than fits, over any takes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 40 }),
        (quota, takes) => {
          const { counters } = make();
          let taken = 0;
          for (const count of takes) {
            const { fits, remaining } = counters.take('b', { quota, windowSeconds: 60 }, count, 'project');
            expect(fits).toBe(taken + count <= quota);
            if (fits) taken += count;
            expect(remaining).toBe(quota - taken);
          }
        },
      ),
    );
  });

  it('begin anew with each window', () => {
    const { counters, clock } = make();
    const limit = { quota: 1, windowSeconds: 60 };
    expect(counters.take('b', limit, 1, 'project').fits).toBe(true);
    expect(counters.take('b', limit, 1, 'project').fits).toBe(false);
    clock.time += 60_000;
    expect(counters.take('b', limit, 1, 'project').fits).toBe(true);
  });

  it('go on counting alone while the store is away, and lose nothing of it', async () => {
    let away = true;
    const told: number[] = [];
    const { counters } = make((rows) => {
      if (away) return Promise.reject(new Error('away'));
      told.push(...rows.map(({ count }) => count));
      return Promise.resolve([...rows]);
    });
    const limit = { quota: 5, windowSeconds: 60 };
    for (let count = 0; count < 3; count += 1) {
      counters.take('b', limit, 1, 'project');
      await counters.sync();
    }
    expect(counters.look('b', limit, 'project').remaining).toBe(2);
    away = false;
    await counters.sync();
    expect([told, counters.look('b', limit, 'project').remaining]).toEqual([[3], 2]);
  });

  it('are told as they stand, also where others are being told meanwhile', async () => {
    const told: number[] = [];
    let first = (): void => undefined;
    const { counters } = make(async (rows) => {
      if (told.length === 0) await new Promise<void>((resolve) => (first = resolve));
      told.push(...rows.map(({ count }) => count));
      return [...rows];
    });
    const limit = { quota: 50, windowSeconds: 60 };
    counters.take('b', limit, 1, 'project');
    const underWay = counters.sync();
    await new Promise(setImmediate);
    counters.take('b', limit, 2, 'project');
    const both = [counters.sync(), counters.sync()];
    first();
    await Promise.all([underWay, ...both]);
    expect(told).toEqual([1, 2]);
  });

  it('stay bounded, whatever callers come', () => {
    const { counters } = make();
    for (let count = 0; count < 60_000; count += 1)
      counters.take(`address:${count}`, { quota: 5, windowSeconds: 60 }, 1, 'address');
    const { buckets } = counters as unknown as { buckets: Record<'address' | 'project', { size: number }> };
    expect(buckets.address.size).toBe(20_000);
  });

  it('of projects are not driven out by addresses, and addresses fill no store', async () => {
    const rows: Told[] = [];
    const { counters } = make((some): Promise<Heard[]> => {
      rows.push(...some);
      return Promise.resolve([...some]);
    });
    const limit = { quota: 8, windowSeconds: 60 };
    counters.take('p', limit, 3, 'project');
    for (let count = 0; count < 60_000; count += 1) counters.take(`failed:${count}`, limit, 1, 'address');
    for (let count = 0; count < 2; count += 1) counters.take('failed:x', limit, 1, 'address');
    await counters.sync();
    expect(counters.look('p', limit, 'project').remaining).toBe(5);
    expect(rows.map(({ count }) => count)).toEqual([3, 2]);
    expect(JSON.stringify(rows)).not.toContain('failed');
  });

  it('tell their whole sum under a new name where they were forgotten meanwhile', async () => {
    const rows: Told[] = [];
    const { counters } = make((some): Promise<Heard[]> => {
      rows.push(...some);
      return Promise.resolve([...some]);
    });
    const limit = { quota: 1_000, windowSeconds: 60 };
    counters.take('p', limit, 3, 'project');
    await counters.sync();
    counters.take('p', limit, 2, 'project');
    await counters.sync();
    for (let count = 0; count < 60_000; count += 1) counters.take(`q${count}`, limit, 0, 'project');
    counters.take('p', limit, 1, 'project');
    await counters.sync();
    expect(rows.map(({ own }) => own)).toEqual([3, 5, 1]);
    expect(new Set(rows.map(({ writer }) => writer)).size).toBe(2);
  });
});
