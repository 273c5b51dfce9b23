// Where are counts where there is Redis? One hash a bucket and window: each process's own total in a field of its own. Adding one twice
// changes nothing, and what Redis forgets the processes say again.
import type { OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import type { Clock } from '../../common/clock';
import { SECOND_MS } from '../../common/time-range';
import { type Heard, ThrottleStore, type Told } from './throttle-store';

const PREFIX = 'millrace:limits:';
const CONNECT_TIMEOUT_MS = 2_000;
const COMMAND_TIMEOUT_MS = 1_000;
/** Redis does nothing else while a script runs: 500 buckets are about a millisecond. */
const MOST_OF_A_SCRIPT = 500;
/** Processes whose clocks differ still find the window. */
const KEPT_LONGER_S = 60;
const DRAIN_TIMEOUT_MS = 500;

/** A count and its end are one step, or a process that dies between the two would leave a count for good.
 *  TRICKY: the end is told as a span of time: Redis's clock may be another one. */
const ADD = `
local sums = {}
for at, key in ipairs(KEYS) do
  redis.call('HSET', key, ARGV[3 * at - 2], ARGV[3 * at - 1])
  redis.call('EXPIRE', key, ARGV[3 * at])
  local sum = 0
  for _, count in ipairs(redis.call('HVALS', key)) do sum = sum + count end
  sums[at] = sum
end
return sums`;

/** Counts in Redis. They are as short-lived as their windows, so a Redis that loses everything loses nothing that matters. */
export class RedisThrottle extends ThrottleStore implements OnApplicationShutdown {
  readonly everyMs = 100;
  readonly #redis: Redis;
  readonly #lastWords: (() => Promise<void>)[] = [];

  constructor(
    url: string,
    private readonly clock: Clock,
  ) {
    super();
    this.#redis = new Redis(url, {
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: COMMAND_TIMEOUT_MS,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      lazyConnect: true,
      keepAlive: 10_000,
      retryStrategy: (times) => Math.min(200 * times, 5_000),
    });
    this.#redis.on('error', () => undefined);
    this.#redis.connect().catch(() => undefined);
  }

  async add(rows: readonly Told[]): Promise<Heard[]> {
    const heard: Heard[] = [];
    for (let at = 0; at < rows.length; at += MOST_OF_A_SCRIPT)
      heard.push(...(await this.#add(rows.slice(at, at + MOST_OF_A_SCRIPT))));
    return heard;
  }

  /** Redis forgets by itself. */
  removeBefore(): Promise<void> {
    return Promise.resolve();
  }

  beforeClose(flush: () => Promise<void>): void {
    this.#lastWords.push(flush);
  }

  async onApplicationShutdown(): Promise<void> {
    const late = new Promise((resolve) => setTimeout(resolve, DRAIN_TIMEOUT_MS).unref());
    await Promise.race([Promise.allSettled(this.#lastWords.splice(0).map((flush) => flush())), late]);
    this.#redis.disconnect();
  }

  async #add(rows: readonly Told[]): Promise<Heard[]> {
    const now = Math.floor(this.clock.now() / SECOND_MS);
    const keys = rows.map(({ bucket, windowStart, windowEnd }) => `${PREFIX}${bucket}:${windowStart}-${windowEnd}`);
    const words = rows.flatMap(({ writer, own, windowEnd }) => [
      writer,
      own,
      Math.max(1, windowEnd - now) + KEPT_LONGER_S,
    ]);
    const sums = await this.#redis.eval(ADD, keys.length, ...keys, ...words);
    if (!Array.isArray(sums) || sums.length !== rows.length) throw new Error('Redis answered something else');
    return rows.map(({ bucket, windowStart }, at) => ({ bucket, windowStart, count: Number(sums[at]) }));
  }
}
