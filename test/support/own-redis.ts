// A Redis of a test's own: the real server, on a free port, nothing on disk. Undefined where none is installed.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../../src/embedded/postgres';

/** A running server. */
export interface OwnRedis {
  readonly url: string;
  end(): Promise<void>;
}

/** Whether a Redis server is installed here. */
export const hasRedis = (): boolean => spawnSync('redis-server', ['--version']).status === 0;

/** Starts one. */
export async function ownRedis(): Promise<OwnRedis> {
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', [...options, '--maxmemory-policy', 'noeviction'], { stdio: 'ignore' });
  const url = `redis://127.0.0.1:${port}`;
  const answers = async (): Promise<boolean> => {
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
  };
  for (let tries = 0; !(await answers()); tries += 1) {
    if (tries > 100) throw new Error('Redis did not start');
    await sleep(50);
  }
  return {
    url,
    async end() {
      const ended = once(server, 'exit');
      server.kill('SIGKILL');
      await ended;
    },
  };
}
