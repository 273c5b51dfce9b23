// Does work that is handed over get done, once, by a worker, also through an outage? Queues on a Postgres and on a Redis that can be stopped.
import { UnrecoverableError } from 'bullmq';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Spool } from '../../src/events/ingest/spool';
import { invalidInput } from '../../src/common/problem';
import { StoreUrls } from '../../src/config/env';
import { JobsService, type JobRun } from '../../src/platform/queue/jobs.service';
import { queueBackend } from '../../src/platform/queue/backend';
import { Maintenance } from '../../src/platform/queue/maintenance';
import { Queues } from '../../src/platform/queue/queues';
import { faultsOf, lookAtRedis } from '../../src/platform/queue/redis-look';
import { someStores, startTestApp, until, type TestApp } from '../support';
import { ownPostgres, type OwnPostgres } from '../support/own-postgres';
import { hasRedis, ownRedis, type OwnRedis } from '../support/own-redis';

describe.each(['Postgres', ...(hasRedis() ? ['Redis'] : [])])('work, in queues of %s,', (store) => {
  let server: OwnPostgres | OwnRedis;
  let urls: StoreUrls;
  let api: TestApp;
  let worker: TestApp;
  const runs: JobRun[] = [];
  const blocked: (() => void)[] = [];

  beforeAll(async () => {
    const { postgres, clickhouse } = await someStores();
    if (store === 'Redis') {
      const redis = await ownRedis();
      server = redis;
      urls = new StoreUrls(postgres, clickhouse, redis.url);
    } else {
      const own = await ownPostgres();
      server = own;
      urls = new StoreUrls(await own.database(), clickhouse);
    }
    api = await startTestApp({ urls, env: { ROLES: 'api' } });
    worker = await startTestApp({ urls, env: { ROLES: 'worker' } });
    for (const { app } of [api, worker]) {
      const jobs = app.get(JobsService);
      jobs.handle('test.note', async (run) => {
        runs.push(run);
        await run.progress(0.5);
      });
      jobs.handle('test.block', async (run) => {
        await run.progress(0.25);
        await new Promise<void>((resolve) => blocked.push(resolve));
      });
      jobs.handle('test.refuse', () => Promise.reject(new UnrecoverableError('engine text that nobody may see')));
      jobs.handle('test.problem', (run) => {
        runs.push(run);
        throw invalidInput({ detail: 'The range is empty.' });
      });
    }
  });
  afterAll(async () => {
    await Promise.all([api.close(), worker.close()]);
    await server.end();
  });

  const stateOf = async (id: string): Promise<string | undefined> => (await api.app.get(JobsService).find(id))?.state;
  const runsOf = (id: string): number => runs.filter((run) => run.id === id).length;

  it('is done by the worker, with its data, and can be followed from the API', async () => {
    const projectId = randomUUID();
    const jobs = api.app.get(JobsService);
    const job = await jobs.start('test.note', projectId, { from: '2026-01-01' });
    expect(job).toMatchObject({ state: 'queued', progress: 0, error: null, finishedAt: null });
    expect(
      await until(
        () => stateOf(job.id),
        (state) => state === 'completed',
      ),
    ).toBe('completed');
    expect(runs.find((run) => run.id === job.id)).toMatchObject({ projectId, data: { from: '2026-01-01' } });
    expect(await jobs.find(job.id)).toMatchObject({ progress: 1, finishedAt: expect.any(Number) });
    expect(await jobs.find(job.id, randomUUID())).toBeUndefined();
  });

  it('shows how far it is', async () => {
    const jobs = api.app.get(JobsService);
    const { id } = await jobs.start('test.block', randomUUID());
    const job = await until(
      () => jobs.find(id),
      (found) => found?.progress === 0.25,
    );
    expect(job).toMatchObject({ state: 'running', progress: 0.25 });
    for (const release of blocked) release();
    expect(
      await until(
        () => stateOf(id),
        (state) => state === 'completed',
      ),
    ).toBe('completed');
  });

  it('fails for good where trying again is no use, without the engine’s words', async () => {
    const jobs = api.app.get(JobsService);
    const { id } = await jobs.start('test.refuse', randomUUID());
    const job = await until(
      () => jobs.find(id),
      (found) => found?.state === 'failed',
    );
    expect(job?.state).toBe('failed');
    expect(job?.error).not.toContain('engine');
  });

  it('tries again after a failure', async () => {
    const { id } = await api.app.get(JobsService).start('test.problem', randomUUID());
    expect(
      await until(
        () => Promise.resolve(runsOf(id)),
        (count) => count >= 2,
      ),
    ).toBeGreaterThanOrEqual(2);
  });

  it('is not lost where it was kept and never reached the queue, and is not done twice where it did', async () => {
    const jobs = api.app.get(JobsService);
    const lost = jest.spyOn(jobs, 'enqueueKept').mockResolvedValue();
    const { id } = await jobs.start('test.note', randomUUID());
    lost.mockRestore();
    const sweeper = worker.app.get<{ clock: { now(): number }; sweep(): Promise<void> }>(JobsService);
    const later = jest.spyOn(sweeper.clock, 'now').mockReturnValue(Date.now() + 60_000);
    await sweeper.sweep();
    await sweeper.sweep();
    later.mockRestore();
    expect(
      await until(
        () => stateOf(id),
        (state) => state === 'completed',
      ),
    ).toBe('completed');
    await sleep(300);
    expect(runsOf(id)).toBe(1);
  });

  it('survives an outage of its store: adds fail fast with 503, and the worker goes on afterwards', async () => {
    const queues = api.app.get(Queues);
    await queues.ping();
    await server.stop();
    const began = Date.now();
    await expect(queues.add('jobs', 'x', {})).rejects.toMatchObject({ kind: { status: 503 } });
    await expect(queues.ping()).rejects.toMatchObject({ kind: { status: 503 } });
    expect(Date.now() - began).toBeLessThan(11_000);
    await server.start();
    const answers = (): Promise<boolean> =>
      queues.ping().then(
        () => true,
        () => false,
      );
    expect(await until(answers, (isThere) => isThere, 20_000)).toBe(true);
    const jobs = api.app.get(JobsService);
    const job = await until(
      () => jobs.start('test.note', randomUUID()).catch(() => undefined),
      (found) => found !== undefined,
    );
    expect(
      await until(
        () => stateOf(job?.id ?? ''),
        (state) => state === 'completed',
        40_000,
      ),
    ).toBe('completed');
  });
});

if (hasRedis())
  describe('queues in Redis', () => {
    let redis: OwnRedis;
    beforeAll(async () => (redis = await ownRedis()));
    afterAll(() => redis.end());

    it('of two installations stay apart', async () => {
      const stores = await Promise.all([someStores(), someStores()]);
      const backends = await Promise.all(stores.map((urls) => queueBackend({ ...urls, redis: redis.url })));
      const done: string[] = [];
      const [one, other] = backends.map((backend) => ({
        queue: backend.queue('jobs', {}),
        worker: (name: string) =>
          backend.worker('jobs', ({ data }) => Promise.resolve(void done.push(`${name}: ${data as string}`)), {}),
      }));
      const worker = other!.worker('other');
      worker.on('error', () => undefined);
      await one!.queue.add('x', 'of one');
      await other!.queue.add('x', 'of other');
      expect(
        await until(
          () => Promise.resolve(done),
          (all) => all.length > 0,
        ),
      ).toEqual(['other: of other']);
      expect(await one!.queue.getJobCounts('waiting')).toEqual({ waiting: 1 });
      await Promise.all([worker.close(), one!.queue.close(), other!.queue.close()]);
      await Promise.all(backends.map((backend) => backend.close()));
    });

    it('are the same by whatever URL the database is reached', async () => {
      const { postgres, clickhouse } = await someStores();
      const other = new URL(postgres);
      other.searchParams.set('application_name', 'elsewhere');
      const backends = await Promise.all(
        [postgres, other.href].map((url) => queueBackend(new StoreUrls(url, clickhouse, redis.url))),
      );
      const [here, there] = backends.map((backend) => backend.queue('jobs', {}));
      await here!.add('x', {});
      expect(await there!.getJobCounts('waiting')).toEqual({ waiting: 1 });
      await Promise.all([here!.close(), there!.close()]);
      await Promise.all(backends.map((backend) => backend.close()));
    });

    it('get their schedules back where Redis forgot everything, and run each once for all workers', async () => {
      const urls = { ...(await someStores()), redis: redis.url };
      const workers = await Promise.all([startTestApp({ urls }), startTestApp({ urls })]);
      const ran: number[] = [];
      const chores = workers.map(({ app }) => app.get(Maintenance));
      for (const maintenance of chores)
        maintenance.every(500, 'test.chore', () => Promise.resolve(void ran.push(Date.now())));
      const say = (): Promise<unknown> => Promise.all(chores.map((maintenance) => maintenance.schedule()));
      try {
        await say();
        await until(
          () => Promise.resolve(ran.length),
          (count) => count >= 3,
        );
        await redis.client.flushall();
        await sleep(1_000);
        const before = ran.length;
        await say();
        expect(
          await until(
            () => Promise.resolve(ran.length - before),
            (count) => count >= 4,
          ),
        ).toBeGreaterThanOrEqual(4);
        // Twice as many would come of two workers that each keep a schedule of their own.
        const [first = 0, last = 0] = [ran.at(-4), ran.at(-1)];
        expect(last - first).toBeGreaterThan(900);
      } finally {
        await Promise.all(workers.map((app) => app.close()));
      }
    });

    it('keep no event from the warehouse while they are away', async () => {
      const own = await ownRedis();
      const server = await startTestApp({ urls: { ...(await someStores()), redis: own.url } });
      try {
        const spool = server.app.get(Spool, { strict: false });
        await own.stop();
        await spool.append({ id: randomUUID(), entries: [], rejects: [] });
        const depth = () => spool.depth().then(({ blocks }) => blocks);
        expect(await until(depth, (blocks) => blocks === 0, 40_000)).toBe(0);
      } finally {
        await server.close();
        await own.end();
      }
    });

    it('in a database that there is none of are told of, with the one that they are in', async () => {
      const said: string[] = [];
      const logger = { warn: (line: string) => void said.push(line), log: (line: string) => void said.push(line) };
      const look = lookAtRedis(`${redis.url}/99`, logger);
      await look.first;
      await look.end();
      expect(said).toEqual(['Redis refuses the database that REDIS_URL names (ERR); database 0 is used']);
      const usual = lookAtRedis(`${redis.url}/1`, logger);
      await usual.first;
      await usual.end();
      expect(said).toHaveLength(1);
    });

    it('that are away when the server starts are told of in one line, and looked at when they are there', async () => {
      const said: string[] = [];
      const logger = { warn: (line: string) => void said.push(line), log: (line: string) => void said.push(line) };
      const away = lookAtRedis('redis://user:secret@127.0.0.1:1', logger);
      await away.first;
      await away.end();
      expect(said).toEqual([expect.stringMatching(/^Redis \(REDIS_URL\) does not answer: ECONNREFUSED\. /)]);
      await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
      const wrong = lookAtRedis(redis.url, logger);
      await wrong.first;
      await redis.client.config('SET', 'maxmemory-policy', 'noeviction');
      const right = lookAtRedis(redis.url, logger);
      await right.first;
      await Promise.all([wrong.end(), right.end()]);
      expect(said.slice(1)).toEqual([expect.stringContaining('maxmemory-policy allkeys-lru')]);
      expect(said.join()).not.toContain('secret');
    });
  });

it('an old Redis is told of, a new one is not', () => {
  expect(faultsOf('redis_version:5.0.14\r\nmaxmemory_policy:noeviction\r\n')).toEqual([
    expect.stringContaining('5.0.14'),
  ]);
  expect(faultsOf('redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\n')).toEqual([]);
});
