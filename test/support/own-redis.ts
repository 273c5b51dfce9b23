// A Redis of a test's own: the real server, on a free port, nothing on disk. It is not among what is installed with the packages, so where there
// is none, tests on it are not defined; `REDIS_TESTS=required` makes that a failure.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../../src/embedded/postgres';

/** A running server. What it holds goes with `stop`. */
export interface OwnRedis {
  readonly url: string;
  /** A client of a test's own; closed by `end`. */
  readonly client: Redis;
  start(): Promise<void>;
  /** `kill -9`: connections break, and all that it held is gone. */
  stop(): Promise<void>;
  end(): Promise<void>;
}

/** Whether a Redis server is installed here. @throws where there is none and `REDIS_TESTS=required` */
export const hasRedis = (): boolean => {
  const isHere = spawnSync('redis-server', ['--version']).status === 0;
  if (!isHere && process.env['REDIS_TESTS'] === 'required')
    throw new Error('REDIS_TESTS=required, but there is no redis-server on this machine');
  return isHere;
};

/** Starts one.
 *  @param options of the command line, beside those that keep it small and off the disk */
export async function ownRedis(...options: string[]): Promise<OwnRedis> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on('error', () => undefined);
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  let server: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    server = spawn('redis-server', [...place, '--maxmemory-policy', 'noeviction', ...options], { stdio: 'ignore' });
    process.once('exit', endAtOnce);
    for (let tries = 0; !(await answers(url)); tries += 1) {
      if (tries > 600 || server.exitCode !== null) throw new Error('Redis did not start');
      await sleep(50);
    }
  };
  const stop = async (): Promise<void> => {
    process.off('exit', endAtOnce);
    const running = server;
    server = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGKILL');
    await ended;
  };
  const endAtOnce = (): void => void server?.kill('SIGKILL');

  await start();
  return {
    url,
    client,
    start,
    stop,
    async end() {
      client.disconnect();
      await stop();
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return true;
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}
