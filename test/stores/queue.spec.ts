// Does work that is handed over get done, once, by a worker, also through an outage? Queues on a Postgres that can be stopped.
import { UnrecoverableError } from 'bullmq';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { invalidInput } from '../../src/common/problem';
import { StoreUrls } from '../../src/config/env';
import { JobsService, type JobRun } from '../../src/platform/queue/jobs.service';
import { Queues } from '../../src/platform/queue/queues';
import { someStores, startTestApp, until, type TestApp } from '../support';
import { ownPostgres, type OwnPostgres } from '../support/own-postgres';

let server: OwnPostgres;
let urls: StoreUrls;
let api: TestApp;
let worker: TestApp;
const runs: JobRun[] = [];
const blocked: (() => void)[] = [];

beforeAll(async () => {
  server = await ownPostgres();
  urls = new StoreUrls(await server.database(), (await someStores()).clickhouse);
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
  const jobs = api.app.get(JobsService) as JobsService & { enqueueKept: JobsService['enqueueKept'] };
  const lost = jest.spyOn(jobs, 'enqueueKept').mockResolvedValue();
  const { id } = await jobs.start('test.note', randomUUID());
  lost.mockRestore();
  const sweeper = worker.app.get(JobsService) as unknown as { clock: { now(): number }; sweep(): Promise<void> };
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
