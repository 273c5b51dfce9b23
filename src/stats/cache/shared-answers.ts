// What did other processes answer already? Kept in Redis where there is one. It may be away, slow or full: that is a miss, never an error.
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { createHash } from 'node:crypto';
import { StoreUrls } from '../../config/env';
import type { KeptAnswer } from './kept-answers';

const TTL_S = 3_600;
const CONNECT_TIMEOUT_MS = 2_000;
/** Longer than this, and working it out is as quick. */
const COMMAND_TIMEOUT_MS = 250;
const MOST_BYTES = 1_000_000;
/** Another number where what is kept looks different, or figures are worked out differently. */
const FORMAT = 1;

@Injectable()
export class SharedAnswers implements OnApplicationShutdown {
  readonly #redis: Redis | undefined;
  readonly #prefix: string;

  constructor(urls: StoreUrls) {
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
    if (this.#redis?.status !== 'ready') return undefined;
    try {
      const text = await this.#redis.get(this.#prefix + key);
      return text === null ? undefined : asKept(JSON.parse(text));
    } catch {
      return undefined;
    }
  }

  /** Keeps an answer for an hour, if it can. Nobody waits for that. */
  set(key: string, answer: KeptAnswer): void {
    if (this.#redis?.status !== 'ready' || answer.json.length > MOST_BYTES) return;
    this.#redis.set(this.#prefix + key, JSON.stringify(answer), 'EX', TTL_S).catch(() => undefined);
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
