// Do limits hold for a project over all of its routes and processes? Over the whole app on a real Postgres.
import fc from 'fast-check';
import { Clock } from '../../src/common/clock';
import { Postgres } from '../../src/platform/postgres/postgres';
import { ThrottleCounters } from '../../src/auth/throttle/throttle-counters';
import { ThrottleRepository } from '../../src/auth/throttle/throttle.repository';
import { aProject, ask, startTestApp, until, type TestApp } from '../support';
import { ProbeModule } from '../support/probe';

let app: TestApp;
let replica: TestApp;

beforeAll(async () => {
  const env = { RATE_LIMIT_REQUESTS: '20', RATE_LIMIT_SECONDS: '86400' };
  app = await startTestApp({ imports: [ProbeModule], env });
  replica = await startTestApp({ imports: [ProbeModule], env, urls: app.urls, rootKey: app.rootKey });
});
afterAll(() => Promise.all([app.close(), replica.close()]));

const sync = (at: TestApp): Promise<void> => at.app.get(ThrottleCounters, { strict: false }).sync();

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

describe('the counters', () => {
  class Hand extends Clock {
    time = 1_000_000_000_000;
    override now(): number {
      return this.time;
    }
  }

  const make = (repository: Partial<ThrottleRepository>): { counters: ThrottleCounters; clock: Hand } => {
    const clock = new Hand();
    return { counters: new ThrottleCounters(repository as ThrottleRepository, {} as Postgres, clock), clock };
  };

  it('never let more through than the limit, and nothing less than fits, over any takes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 40 }),
        (quota, takes) => {
          const { counters } = make({});
          let taken = 0;
          for (const count of takes) {
            const { fits, remaining } = counters.take('b', { quota, windowSeconds: 60 }, count, true);
            expect(fits).toBe(taken + count <= quota);
            if (fits) taken += count;
            expect(remaining).toBe(quota - taken);
          }
        },
      ),
    );
  });

  it('begin anew with each window', () => {
    const { counters, clock } = make({});
    const limit = { quota: 1, windowSeconds: 60 };
    expect(counters.take('b', limit, 1, true).fits).toBe(true);
    expect(counters.take('b', limit, 1, true).fits).toBe(false);
    clock.time += 60_000;
    expect(counters.take('b', limit, 1, true).fits).toBe(true);
  });

  it('go on counting alone while the store is away, and lose nothing of it', async () => {
    let away = true;
    const told: number[] = [];
    const { counters } = make({
      add: (rows) => {
        if (away) return Promise.reject(new Error('away'));
        told.push(...rows.map(({ count }) => count));
        return Promise.resolve([...rows]);
      },
    });
    const limit = { quota: 5, windowSeconds: 60 };
    for (let count = 0; count < 3; count += 1) {
      counters.take('b', limit, 1, true);
      await counters.sync();
    }
    expect(counters.look('b', limit, true).remaining).toBe(2);
    away = false;
    await counters.sync();
    expect([told, counters.look('b', limit, true).remaining]).toEqual([[3], 2]);
  });

  it('stay bounded, whatever callers come', () => {
    const { counters } = make({});
    for (let count = 0; count < 60_000; count += 1)
      counters.take(`address:${count}`, { quota: 5, windowSeconds: 60 }, 1, false);
    const { buckets } = counters as unknown as { buckets: { size: number } };
    expect(buckets.size).toBe(50_000);
  });
});
