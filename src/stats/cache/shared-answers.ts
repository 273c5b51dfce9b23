// What did other processes answer already? Kept in Redis where there is one. It may be away, slow or full: that is a miss, never an error.
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { createHash } from 'node:crypto';
import { Clock } from '../../common/clock';
import { SECOND_MS } from '../../common/time-range';
import { Env, StoreUrls } from '../../config/env';
import type { KeptAnswer } from './kept-answers';

const TTL_S = 3_600;
const CONNECT_TIMEOUT_MS = 2_000;
/** Longer than this, and working it out is as quick. */
const COMMAND_TIMEOUT_MS = 250;
const MOST_BYTES = 1_000_000;
/** A Redis that did not answer in time is left alone for so long: else each question would wait for it. */
const REST_MS = 2_000;
/** Queues live in the same Redis, and it takes nothing more when it is full: kept answers leave room. */
const LARGEST_USED_SHARE = 0.7;
const LOOK_EVERY_MS = 5_000;
const MIB = 1024 * 1024;
/** Another number where what is kept looks different, or figures are worked out differently. */
const FORMAT = 1;

@Injectable()
export class SharedAnswers implements OnApplicationShutdown {
  readonly #redis: Redis | undefined;
  readonly #prefix: string;
  readonly #mostBytes: number;
  #restUntil = 0;
  /** Written since `#since` by this process. */
  #bytes = 0;
  #since = 0;
  #hasRoom = true;
  #looked = 0;

  constructor(
    urls: StoreUrls,
    env: Env,
    private readonly clock: Clock,
  ) {
    this.#mostBytes = env.STATS_CACHE_MB * MIB;
    // Two installations may share a Redis; a project's number is only known to its own stores.
    const stores = createHash('sha256').update(`${urls.postgres}\n${urls.clickhouse}`).digest('base64url').slice(0, 16);
    this.#prefix = `millrace:stats:${FORMAT}:${stores}:`;
    if (urls.redis === undefined) return;
    this.#redis = new Redis(urls.redis, {
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: COMMAND_TIMEOUT_MS,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      lazyConnect: true,
      retryStrategy: (times) => Math.min(200 * times, 5_000),
    });
    this.#redis.on('error', () => undefined);
    this.#redis.connect().catch(() => undefined);
  }

  /** The answer that is kept under a key; undefined where there is none, or nobody says. */
  async get(key: string): Promise<KeptAnswer | undefined> {
    if (this.#redis?.status !== 'ready' || this.clock.now() < this.#restUntil) return undefined;
    try {
      const text = await this.#redis.get(this.#prefix + key);
      return text === null ? undefined : asKept(JSON.parse(text));
    } catch {
      this.#rest();
      return undefined;
    }
  }

  /** Keeps an answer for an hour, if it can. Nobody waits for that.
   *  A process puts in no more than `STATS_CACHE_MB` in an hour, and nothing where Redis is more than 70 % full. */
  set(key: string, answer: KeptAnswer): void {
    const redis = this.#redis;
    const now = this.clock.now();
    if (redis?.status !== 'ready' || now < this.#restUntil || answer.json.length > MOST_BYTES) return;
    if (now - this.#since >= TTL_S * SECOND_MS) {
      this.#since = now;
      this.#bytes = 0;
    }
    const text = JSON.stringify(answer);
    if (this.#bytes + text.length > this.#mostBytes) return;
    void this.#put(redis, key, text, now);
  }

  async #put(redis: Redis, key: string, text: string, now: number): Promise<void> {
    if (!(await this.#look(redis, now))) return;
    this.#bytes += text.length;
    try {
      await redis.set(this.#prefix + key, text, 'EX', TTL_S);
    } catch {
      this.#rest();
    }
  }

  /** Whether there is room; asked now and then. */
  async #look(redis: Redis, now: number): Promise<boolean> {
    if (now - this.#looked < LOOK_EVERY_MS) return this.#hasRoom;
    this.#looked = now;
    try {
      const info = await redis.info('memory');
      const [used = 0, most = 0] = ['used_memory', 'maxmemory'].map((name) =>
        Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0),
      );
      this.#hasRoom = most === 0 || used < LARGEST_USED_SHARE * most;
    } catch {
      this.#rest();
      return false;
    }
    return this.#hasRoom;
  }

  #rest(): void {
    this.#restUntil = this.clock.now() + REST_MS;
  }

  onApplicationShutdown(): void {
    this.#redis?.disconnect();
  }
}

/** Anybody may write into a Redis: what does not look like an answer of ours is none. */
const asKept = (found: Partial<KeptAnswer> | null): KeptAnswer | undefined => {
  const { version, json } = found ?? {};
  return typeof version?.revision === 'number' && typeof json === 'string' ? { version, json } : undefined;
};
