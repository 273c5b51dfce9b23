// How do messages travel where there is Redis? By its channels, heard on one connection that is there while anybody is watched.
import { Redis, type RedisOptions } from 'ioredis';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { storeUnavailable } from '../../common/problem';
import type { StoreUrls } from '../../config/env';
import type { LiveMessage, LiveReceiver, LiveTransport } from './transport';

const ANSWER_MS = 3_000;
const PING_MS = 5_000;
const OPTIONS: RedisOptions = {
  connectTimeout: 2_000,
  commandTimeout: ANSWER_MS,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  lazyConnect: true,
  keepAlive: 10_000,
  retryStrategy: (times) => Math.min(200 * times, 5_000),
};

/** Publish and subscribe, one channel a project. */
export class RedisTransport implements LiveTransport {
  readonly mostBytes = 256_000;
  readonly #prefix: string;
  readonly #projects = new Set<number>();
  readonly #publisher: Redis;
  #subscriber: Redis | undefined;
  #receiver: LiveReceiver | undefined;
  #ping: NodeJS.Timeout | undefined;
  #heard = false;
  #told = false;

  constructor(
    private readonly url: string,
    urls: StoreUrls,
  ) {
    // Two installations may share a Redis; a project's number is only known to its own stores.
    const stores = createHash('sha256').update(`${urls.postgres}\n${urls.clickhouse}`).digest('base64url').slice(0, 16);
    this.#prefix = `millrace:live:${stores}:`;
    this.#publisher = new Redis(url, OPTIONS);
    this.#publisher.on('error', () => undefined);
  }

  receiveWith(receiver: LiveReceiver): void {
    this.#receiver = receiver;
  }

  async listen(project: number): Promise<void> {
    this.#projects.add(project);
    try {
      const subscriber = (this.#subscriber ??= this.#subscribe());
      await ready(subscriber);
      await subscriber.subscribe(this.#prefix + project);
    } catch (error) {
      this.#projects.delete(project);
      throw storeUnavailable({ detail: 'Redis does not answer.', retryAfterSeconds: 2, cause: error });
    }
  }

  async unlisten(project: number): Promise<void> {
    if (!this.#projects.delete(project)) return;
    if (this.#projects.size === 0) this.#disconnect();
    else await this.#subscriber?.unsubscribe(this.#prefix + project).catch(() => undefined);
  }

  async send(messages: readonly LiveMessage[]): Promise<void> {
    await ready(this.#publisher);
    const pipeline = this.#publisher.pipeline();
    for (const { project, payload } of messages) pipeline.publish(this.#prefix + project, payload);
    const failed = (await pipeline.exec())?.find(([error]) => error !== null);
    if (failed !== undefined) throw failed[0] ?? new Error('not published');
  }

  close(): Promise<void> {
    this.#projects.clear();
    this.#disconnect();
    this.#publisher.disconnect();
    return Promise.resolve();
  }

  #subscribe(): Redis {
    const redis = new Redis(this.url, { ...OPTIONS, autoResubscribe: false });
    redis.on('error', () => undefined);
    redis.on('message', (channel: string, payload: string) => {
      const project = Number(channel.slice(this.#prefix.length));
      if (this.#projects.has(project)) this.#receiver?.receive({ project, payload });
    });
    redis.on('close', () => {
      if (!this.#heard) return;
      this.#heard = false;
      this.#told = true;
      this.#receiver?.lost();
    });
    redis.on('ready', () => void this.#heardAgain(redis));
    this.#ping = setInterval(() => {
      if (redis.status === 'ready') redis.ping().catch(() => redis.disconnect(true));
    }, PING_MS).unref();
    return redis;
  }

  /** TRICKY: subscribed here and not by the client, so that it is known when everything is heard again. */
  async #heardAgain(redis: Redis): Promise<void> {
    const again = [...this.#projects].map((project) => this.#prefix + project);
    try {
      if (again.length > 0) await redis.subscribe(...again);
    } catch {
      redis.disconnect(true);
      return;
    }
    this.#heard = true;
    // The first time there was nothing to lose.
    if (this.#told) this.#receiver?.recovered();
    this.#told = false;
  }

  #disconnect(): void {
    clearInterval(this.#ping);
    this.#heard = false;
    this.#subscriber?.disconnect();
    this.#subscriber = undefined;
  }
}

/** Waits, not for long, until commands are taken. */
async function ready(redis: Redis): Promise<void> {
  if (redis.status === 'ready') return;
  if (redis.status === 'wait' || redis.status === 'end') redis.connect().catch(() => undefined);
  await once(redis, 'ready', { signal: AbortSignal.timeout(ANSWER_MS) });
}
