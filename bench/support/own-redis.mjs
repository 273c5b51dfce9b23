// How does a trial get a Redis that it can break? The real server, on a free port, nothing on disk; what it holds goes with it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from './clean.mjs';
import { killChild } from './end-child.mjs';
import { freePort } from './server.mjs';

/** Whether a Redis server is installed here. */
export const hasRedis = () => spawnSync('redis-server', ['--version']).status === 0;

const START_LIMIT_MS = 30_000;
const ANSWER_LIMIT_MS = 30_000;

export class OwnRedis {
  #child;

  /** @returns {Promise<OwnRedis>} one that answers */
  static async start() {
    const redis = new OwnRedis();
    redis.port = await freePort();
    redis.url = `redis://127.0.0.1:${redis.port}`;
    atEnd(() => redis.kill());
    await redis.boot();
    return redis;
  }

  async boot() {
    const startedAt = performance.now();
    const place = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    this.#child = spawn('redis-server', [...place, '--maxmemory-policy', 'noeviction'], { stdio: 'ignore' });
    for (;;) {
      try {
        await this.say('PING');
        return;
      } catch {
        if (performance.now() - startedAt > START_LIMIT_MS) throw new Error('Redis did not start');
        await sleep(20);
      }
    }
  }

  /** kill -9, and waits for the end. */
  kill() {
    return killChild(this.#child);
  }

  /** It hangs: connections stand, nothing is answered. */
  hang() {
    this.#child.kill('SIGSTOP');
  }

  wake() {
    this.#child.kill('SIGCONT');
  }

  /** Says one command. @returns the first line of the answer @throws what Redis refuses */
  async say(...words) {
    const socket = connect(this.port, '127.0.0.1');
    try {
      socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
      const [bytes] = await once(socket, 'data', { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
      const [line] = bytes.toString().split('\r\n');
      if (line.startsWith('-')) throw new Error(line);
      return line.slice(1);
    } finally {
      socket.destroy();
    }
  }
}
