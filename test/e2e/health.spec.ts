// Do the probes tell the truth, to whoever asks, without asking too much of the stores?
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Env, StoreUrls } from '../../src/config/env';
import { Lifecycle } from '../../src/platform/http/lifecycle';
import { Postgres } from '../../src/platform/postgres/postgres';
import { someStores, startTestApp, type TestApp } from '../support';

interface Problem {
  code: string;
  detail?: string;
  errors?: { path: string; code: string }[];
}

describe('probes', () => {
  let server: TestApp;
  let clickhouse: Door;

  beforeAll(async () => {
    const urls = await someStores();
    clickhouse = await aDoor(urls.clickhouse);
    server = await startTestApp({ urls: new StoreUrls(urls.postgres, clickhouse.url, undefined, process.cwd()) });
  });

  afterAll(async () => {
    await server.close();
    await clickhouse.end();
  });

  const get = async (path: string): Promise<Response> => fetch(`${server.url}${path}`);
  /** Readiness is remembered for a second. */
  const pause = () => new Promise((resolve) => setTimeout(resolve, 1_100));

  it.each(['/health/live', '/health/startup'])('%s says ok to anybody, and is never kept', async (path) => {
    const answer = await get(path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toContain('no-store');
    expect(await answer.json()).toEqual({ status: 'ok' });
  });

  it('is ready when every store answers, and says how much disk is left', async () => {
    const answer = await get('/health/ready');
    expect(answer.status).toBe(200);
    const up = { status: 'up', seconds: expect.any(Number) };
    expect(await answer.json()).toEqual({
      status: 'ready',
      stores: { postgres: up, clickhouse: up, queue: up },
      disk: { freeBytes: expect.any(Number), totalBytes: expect.any(Number) },
    });
  });

  it('asks a store once, however many probes come at the same time', async () => {
    await pause();
    const asked = jest.spyOn(server.app.get(Postgres), 'ping');
    await Promise.all(Array.from({ length: 30 }, () => get('/health/ready')));
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it('is not ready while ClickHouse is away, and says so; alive it is', async () => {
    clickhouse.close();
    await pause();
    const began = performance.now();
    const answer = await get('/health/ready');
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    const problem = (await answer.json()) as Problem;
    expect(problem.code).toBe('not_ready');
    expect(problem.errors).toEqual([{ path: 'clickhouse', code: 'down', message: 'does not answer' }]);
    expect((await get('/health/live')).status).toBe(200);
  });

  it('stays ready for whoever can do without that store', async () => {
    const answer = await get('/health/ready?exclude=clickhouse');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ status: 'degraded', stores: { clickhouse: { status: 'down' } } });
    expect((await get('/health/ready?exclude=postgres')).status).toBe(503);
  });

  it('is not ready while the disk has too little room, but for whoever can do without', async () => {
    clickhouse.open();
    await pause();
    const env = server.app.get(Env);
    const most = jest.replaceProperty(env, 'MIN_FREE_DISK_MB', 1_000_000_000);
    try {
      const answer = await get('/health/ready');
      expect(answer.status).toBe(503);
      const { errors } = (await answer.json()) as Problem;
      expect(errors).toEqual([{ path: 'disk', code: 'full', message: 'has too little room left' }]);
      const without = await get('/health/ready?exclude=disk');
      expect(await without.json()).toMatchObject({ status: 'degraded', disk: { freeBytes: expect.any(Number) } });
    } finally {
      most.restore();
    }
    expect((await get('/health/ready')).status).toBe(200);
    clickhouse.close();
  });

  it('is ready again when it is back', async () => {
    clickhouse.open();
    await pause();
    expect((await get('/health/ready')).status).toBe(200);
  });

  it('refuses what it does not know', async () => {
    expect((await get('/health/ready?exclude=moon')).status).toBe(400);
    expect((await get('/health/ready?deep=1')).status).toBe(400);
  });

  it('is not throttled', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => get('/health/live')));
    expect(answers.every(({ status, headers }) => status === 200 && !headers.has('ratelimit'))).toBe(true);
  });

  it('is not ready from the drain on, while requests are still served', async () => {
    server.app.get(Lifecycle).drain();
    const answer = await get('/health/ready?exclude=clickhouse');
    expect(answer.status).toBe(503);
    expect(((await answer.json()) as Problem).errors?.[0]).toMatchObject({ path: 'server', code: 'draining' });
    expect((await get('/health/live')).status).toBe(200);
    expect((await get('/health/startup')).status).toBe(200);
  });
});

describe('metrics', () => {
  let server: TestApp;

  beforeAll(async () => {
    server = await startTestApp();
  });

  afterAll(() => server.close());

  const metrics = async (): Promise<string> => (await fetch(`${server.url}/metrics`)).text();

  it('are Prometheus text, of the process and of the requests by route', async () => {
    await fetch(`${server.url}/health/live`);
    const answer = await fetch(`${server.url}/metrics`);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await answer.text();
    expect(text).toMatch(
      /^millrace_http_request_seconds_count\{route="\/health\/live",method="GET",status="200"\} 1$/m,
    );
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds [0-9.e-]+$/m);
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
    for (const line of text.split('\n')) expect(line).toMatch(/^(#.*|[a-z0-9_]+(\{.*\})? [-+0-9.eNaInf]+|)$/);
  });

  it('hold no more series for a thousand guessed paths', async () => {
    for (let at = 0; at < 100; at += 1) await fetch(`${server.url}/guess-${at}.php`);
    await fetch(`${server.url}/api/v1/projects/0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e10`);
    const text = await metrics();
    expect(text).not.toContain('guess-');
    expect(text).not.toContain('0198f2a4');
    expect(text).toMatch(/^millrace_http_request_seconds_count\{route="unmatched",method="any",status="404"\} 10\d$/m);
  });

  it('tell of keys that do not work, of queries by purpose and of jobs by name', async () => {
    const api = `${server.url}/api/v1`;
    expect((await fetch(`${api}/projects`, { headers: { 'x-api-key': 'wrong' } })).status).toBe(401);
    const root = { 'x-api-key': server.rootKey, 'content-type': 'application/json' };
    const made = await fetch(`${api}/projects`, { method: 'POST', headers: root, body: '{"name":"Metrics"}' });
    const { project } = (await made.json()) as { project: { id: string } };
    const headers = { 'x-api-key': server.rootKey, 'x-project-id': project.id };
    expect((await fetch(`${api}/stats/overview?period=7d`, { headers })).status).toBe(200);
    expect((await fetch(`${api}/projects/${project.id}`, { method: 'DELETE', headers })).status).toBe(202);
    await expect(untilMatch(metrics, /^millrace_jobs_total\{job="[a-z_.-]+",outcome="completed"\} 1$/m)).resolves.toBe(
      true,
    );
    const text = await metrics();
    expect(text).toMatch(/^millrace_unknown_keys_total 1$/m);
    expect(text).toMatch(/^millrace_clickhouse_query_seconds_count\{purpose="[a-z_.-]+",outcome="ok"\} \d+$/m);
    expect(text).not.toContain(project.id);
  });

  it('are of this server alone', async () => {
    const other = await startTestApp();
    try {
      await fetch(`${other.url}/health/startup`);
      expect(await metrics()).not.toContain('/health/startup');
    } finally {
      await other.close();
    }
  });
});

/** Whether a text comes to match within ten seconds. */
async function untilMatch(read: () => Promise<string>, pattern: RegExp): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (pattern.test(await read())) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

/** A store's address that can be closed and opened again, in front of the real one. */
interface Door {
  readonly url: string;
  close(): void;
  open(): void;
  end(): Promise<void>;
}

async function aDoor(storeUrl: string): Promise<Door> {
  const target = new URL(storeUrl);
  const sockets = new Set<Socket>();
  let isOpen = true;
  const proxy: Server = createServer((near) => {
    if (!isOpen) {
      near.destroy();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const url = new URL(storeUrl);
  url.hostname = '127.0.0.1';
  url.port = String((proxy.address() as AddressInfo).port);
  const cut = () => sockets.forEach((socket) => socket.destroy());
  return {
    url: url.href,
    close() {
      isOpen = false;
      cut();
    },
    open() {
      isOpen = true;
    },
    async end() {
      cut();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}
