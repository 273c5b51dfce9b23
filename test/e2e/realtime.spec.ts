// Does every replica's stream hear of every event, and what if it can't? Asked of processes that share their stores.
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { StoreUrls } from '../../src/config/env';
import { aProject, ask, someStores, spawnServer, until, type AProject, type SpawnedServer } from '../support';
import { hasRedis, ownRedis, type OwnRedis } from '../support/own-redis';
import { aWatcher, type Message, type Watcher } from '../support/watcher';

// Two servers start for each store of messages, which takes seconds on a machine that is busy.
jest.setTimeout(180_000);

const isEvent = ({ event }: Message): boolean => event === 'event';
const namesOf = (messages: readonly Message[]): unknown[] => messages.filter(isEvent).map(({ data }) => data['name']);

/** Two replicas, a project, and what tests do with them. */
class World {
  servers: SpawnedServer[] = [];
  project!: AProject;
  urls!: StoreUrls;

  async start(env: Record<string, string> = {}): Promise<void> {
    this.urls = await someStores();
    const shared = {
      DATABASE_URL: this.urls.postgres,
      CLICKHOUSE_URL: this.urls.clickhouse,
      ROOT_API_KEY: randomBytes(24).toString('base64url'),
      ...env,
    };
    this.servers = [await spawnServer({ env: shared }), await spawnServer({ env: { ...shared, ROLES: 'api' } })];
    this.project = await aProject(this.servers[0]!);
  }

  async end(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
  }

  watch(server: SpawnedServer, headers: Record<string, string> = {}): Promise<Watcher> {
    const url = `${server.url}/api/v1/realtime/stream?fields=id,name`;
    return aWatcher(url, { 'x-api-key': this.project.keys.sec, ...headers });
  }

  /** @returns when the answer came */
  async send(server: SpawnedServer, name: string): Promise<number> {
    const { status } = await ask(server, '/events', { key: this.project.keys.sec, body: { name, visitorId: name } });
    expect(status).toBe(200);
    return Date.now();
  }
}

const theSame = (env: () => Promise<Record<string, string>>): World => {
  const world = new World();
  beforeAll(async () => world.start(await env()));
  afterAll(() => world.end());

  it('brings an event to the streams of every process within a second of its 200', async () => {
    const streams = await Promise.all(world.servers.map((server) => world.watch(server)));
    try {
      await Promise.all(streams.map((stream) => stream.until((all) => all.length > 0)));
      const delays: number[] = [];
      for (let sent = 0; sent < 10; sent += 1) {
        const answered = await world.send(world.servers[sent % 2]!, `event ${sent}`);
        for (const stream of streams) {
          const all = await stream.until((some) => namesOf(some).includes(`event ${sent}`));
          delays.push(all.find(({ data }) => data['name'] === `event ${sent}`)!.at - answered);
        }
      }
      expect(Math.max(...delays)).toBeLessThan(1_000);
      for (const stream of streams) expect(namesOf(stream.messages)).toHaveLength(10);
    } finally {
      for (const stream of streams) stream.close();
    }
  });

  it('loses nothing between the first snapshot and the first event', async () => {
    const [one, other] = world.servers as [SpawnedServer, SpawnedServer];
    const project = await aProject(one);
    const stopped = new AbortController();
    let sent = 0;
    const sender = (async () => {
      while (!stopped.signal.aborted) {
        const { status } = await ask(one, '/events', {
          key: project.keys.sec,
          body: { name: `n${sent}`, visitorId: `v${sent}` },
        });
        if (status === 200) sent += 1;
      }
    })();
    const stream = await aWatcher(`${other.url}/api/v1/realtime/stream`, { 'x-api-key': project.keys.sec });
    try {
      await stream.until((all) => namesOf(all).length > 20);
      stopped.abort();
      await sender;
      const last = `n${sent - 1}`;
      const all = await stream.until((some) => namesOf(some).includes(last));
      const { data } = all[0]!.data as { data: { visitors30m: number } };
      const streamed = new Set(namesOf(all));
      // What the snapshot does not hold came as events: numbers are without a hole up to the last.
      const missing = Array.from({ length: sent }, (_, at) => `n${at}`).filter((name) => !streamed.has(name));
      expect(missing.length).toBeLessThanOrEqual(data.visitors30m);
      expect(missing).toEqual(Array.from({ length: missing.length }, (_, at) => `n${at}`));
    } finally {
      stopped.abort();
      stream.close();
    }
  });
  return world;
};

describe('two processes on one Postgres', () => {
  const world = theSame(() => Promise.resolve({}));

  it('tells of a gap when the connection that listens breaks, gives a snapshot, and goes on', async () => {
    const [one, other] = world.servers as [SpawnedServer, SpawnedServer];
    const stream = await world.watch(other);
    const client = new Client({ connectionString: world.urls.postgres });
    await client.connect();
    try {
      await stream.until((all) => all.length > 0);
      const { rowCount } = await client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace-live' AND datname = current_database()",
      );
      expect(rowCount).toBeGreaterThan(0);
      const lost = `lost ${Date.now()}`;
      await world.send(one, lost);
      const all = await stream.until((some) => some.filter(({ event }) => event === 'snapshot').length === 2);
      expect(all.find(({ event }) => event === 'gap')?.data).toEqual({ reason: 'connection_lost' });
      const again = all.filter(({ event }) => event === 'snapshot')[1]!.data as {
        data: { events: { value: string }[] };
      };
      expect(again.data).toMatchObject({ visitors30m: 11 });
      const answered = await world.send(one, 'after');
      const after = await stream.until((some) => namesOf(some).includes('after'));
      expect(after.find(({ data }) => data['name'] === 'after')!.at - answered).toBeLessThan(1_000);
    } finally {
      await client.end();
      stream.close();
    }
  });

  it('says good-bye when it is told to end, and ends at once', async () => {
    const [one, other] = world.servers as [SpawnedServer, SpawnedServer];
    const streams = await Promise.all([world.watch(other), world.watch(other)]);
    await Promise.all(streams.map((stream) => stream.until((all) => all.length > 0)));
    const asked = Date.now();
    const { code } = await other.kill('SIGTERM');
    expect({ code, inTime: Date.now() - asked < 4_000 }).toEqual({ code: 0, inTime: true });
    for (const stream of streams) {
      await stream.untilClosed(1_000);
      expect(stream.messages.at(-1)).toMatchObject({ event: 'bye', data: { reason: 'shutdown' } });
    }
    // Whoever comes back to another process is told that it may have missed something.
    const back = await world.watch(one, { 'last-event-id': streams[0].messages.at(-1)!.id });
    const [gap, snapshot] = await back.until((all) => all.length > 1);
    expect([gap!.event, snapshot!.event]).toEqual(['gap', 'snapshot']);
    back.close();
    await until(
      async () => (await (await fetch(`${one.url}/metrics`)).text()).match(/^millrace_realtime_streams (\d+)$/m)?.[1],
      (open) => open === '0',
    ).then((open) => expect(open).toBe('0'));
  });
});

// A Redis server is not among what is installed with the packages.
if (hasRedis())
  describe('two processes with a Redis', () => {
    let redis: OwnRedis;
    theSame(async () => {
      redis = await ownRedis();
      return { REDIS_URL: redis.url };
    });
    afterAll(() => redis.end());
  });
