// Can this server do its work now? Asks each store, briefly and at most once a second, however many probes there are.
import { statfs } from 'node:fs/promises';
import { Injectable, Logger } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { Env, StoreUrls } from '../config/env';
import { ClickHouse } from '../platform/clickhouse/clickhouse';
import { Lifecycle } from '../platform/http/lifecycle';
import { Postgres } from '../platform/postgres/postgres';
import { Queues } from '../platform/queue/queues';
import { notReady } from './health.errors';

/** Stores that a server needs, in the order in which they are reported. */
export const STORES = ['postgres', 'clickhouse', 'queue'] as const;

/** What a server needs, and a caller may say that it can do without. */
export const NEEDS = [...STORES, 'disk'] as const;

/** One of these. */
export type Need = (typeof NEEDS)[number];

/** The name of a store in probes. */
export type StoreName = (typeof STORES)[number];

/** What a store said; `seconds` is how long that took. */
export interface StoreHealth {
  readonly status: 'up' | 'down';
  readonly seconds: number;
}

/** Space on the disk of the embedded stores. */
export interface DiskHealth {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** A server that can take traffic; `degraded` where something is missing that the caller said it can do without. */
export interface Readiness {
  readonly status: 'ready' | 'degraded';
  readonly stores: Readonly<Record<StoreName, StoreHealth>>;
  readonly disk?: DiskHealth;
}

const CHECK_TIMEOUT_MS = 1_000;
const CHECK_CACHE_MS = 1_000;
/** A store that is away comes back in seconds, or not at all. */
const RETRY_AFTER_SECONDS = 2;
const MIB = 1_048_576;

@Injectable()
export class ReadinessService {
  readonly #logger = new Logger(ReadinessService.name);
  readonly #asks: Readonly<Record<StoreName, () => Promise<void>>>;
  #lastDown = '';

  constructor(
    private readonly lifecycle: Lifecycle,
    private readonly indicators: HealthIndicatorService,
    private readonly urls: StoreUrls,
    private readonly env: Env,
    postgres: Postgres,
    clickhouse: ClickHouse,
    queues: Queues,
  ) {
    this.#asks = {
      postgres: () => postgres.ping(),
      clickhouse: async () => {
        if (!(await clickhouse.isUp(CHECK_TIMEOUT_MS))) throw new Error('does not answer');
      },
      queue: () => queues.ping(),
    };
  }

  /** Whether the server is ready, and how its stores are.
   *  @param excluded what may be missing
   *  @throws notReady with one entry in `errors` for each reason */
  async check(excluded: readonly Need[] = []): Promise<Readiness> {
    const { state } = this.lifecycle;
    if (state !== 'ready')
      throw notReady({
        detail: state === 'draining' ? 'The server is about to end.' : 'The server is still starting.',
        errors: [{ path: 'server', code: state, message: `is ${state}` }],
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    const [stores, disk] = await Promise.all([this.#askStores(), this.#disk()]);
    const isFull = disk !== undefined && disk.freeBytes < this.env.MIN_FREE_DISK_MB * MIB;
    const down = NEEDS.filter((name) => (name === 'disk' ? isFull : stores[name].status === 'down'));
    this.#logChange(down);
    const missing = down.filter((name) => !excluded.includes(name));
    if (missing.length > 0)
      throw notReady({
        detail: `Missing: ${missing.join(', ')}.`,
        errors: missing.map((path) =>
          path === 'disk'
            ? { path, code: 'full', message: 'has too little room left' }
            : { path, code: 'down', message: 'does not answer' },
        ),
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    return { status: down.length > 0 ? 'degraded' : 'ready', stores, ...(disk === undefined ? {} : { disk }) };
  }

  async #askStores(): Promise<Record<StoreName, StoreHealth>> {
    const answers = await Promise.all(
      STORES.map(async (name) => {
        const result = await this.indicators
          .check(name)
          .attempt(this.#asks[name])
          .withTimeout(CHECK_TIMEOUT_MS)
          .cacheFor(CHECK_CACHE_MS);
        const { status, responseTime } = result[name] as { status: 'up' | 'down'; responseTime: number };
        return [name, { status, seconds: responseTime / 1000 }] as const;
      }),
    );
    return Object.fromEntries(answers) as Record<StoreName, StoreHealth>;
  }

  /** Space where the embedded stores live; undefined where every store is a server of somebody else's. */
  async #disk(): Promise<DiskHealth | undefined> {
    if (this.urls.dataDir === undefined) return undefined;
    try {
      const { bavail, blocks, bsize } = await statfs(this.urls.dataDir);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    } catch {
      // That it can't be told is no reason to take no traffic.
      return undefined;
    }
  }

  /** One line when something goes or comes back, not one a probe. */
  #logChange(down: readonly Need[]): void {
    const now = down.join(', ');
    if (now === this.#lastDown) return;
    this.#lastDown = now;
    if (now === '') this.#logger.log('all stores answer again, and there is room on the disk');
    else this.#logger.warn(`stores that do not answer, or have no room: ${now}`);
  }
}
