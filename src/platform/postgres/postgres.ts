// How does every feature talk to Postgres? Through this one seam: it limits, and it tells "away" from "wrong".
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { Pool, type PoolConfig } from 'pg';
import { asProblem } from './errors';

/** The query builder, on the pool or inside a transaction. */
export type Db = Omit<NodePgDatabase, '$client'>;

/** A request waits at most so long for a connection, then for its statement: a hung store must not hold a client for longer. */
const CONNECT_TIMEOUT_MS = 2_000;
const BOOT_CONNECT_TIMEOUT_MS = 30_000;
const STATEMENT_TIMEOUT_MS = 5_000;
/** TRICKY: `statement_timeout` is kept by the server; a server that hangs keeps nothing, so the client counts too. */
const QUERY_TIMEOUT_MS = 6_000;
const POOL_SIZE = 10;

/** Options that every pool of ours shares. */
export const poolOptions = (url: string): PoolConfig => ({
  connectionString: url,
  application_name: 'millrace',
  // TRICKY: where nothing is said here, node-postgres takes PGOPTIONS, which were meant for something else.
  options: '-c TimeZone=UTC',
  connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
});

/** Options of a connection that prepares the database. Nobody waits for an answer here, and a machine on which everything starts at once
 *  is slow: what would be too long for a request is no reason not to start. */
export const bootOptions = (url: string): PoolConfig => ({
  ...poolOptions(url),
  connectionTimeoutMillis: BOOT_CONNECT_TIMEOUT_MS,
});

/** Postgres, as the app sees it. `run` and `transaction` throw `store_unavailable` (503) where it is away. */
@Injectable()
export class Postgres implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(Postgres.name);
  private readonly pool: Pool;
  private readonly db: Db;
  private readonly lastWords: (() => Promise<void>)[] = [];

  constructor(url: string) {
    this.pool = new Pool({
      ...bootOptions(url),
      max: POOL_SIZE,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    });
    // An idle connection that dies emits here; unheard, it would end the process.
    this.pool.on('error', () => this.logger.warn('an idle connection to Postgres was lost'));
    this.pool.on('connect', (client) => client.on('error', () => undefined));
    this.db = drizzle(this.pool, { casing: 'snake_case' });
  }

  /** From now on somebody waits for an answer. */
  onApplicationBootstrap(): void {
    this.pool.options.connectionTimeoutMillis = CONNECT_TIMEOUT_MS;
  }

  /** Runs queries.
   *  @throws storeUnavailable where Postgres is away; else what Postgres said */
  async run<T>(work: (db: Db) => Promise<T>): Promise<T> {
    try {
      return await work(this.db);
    } catch (error) {
      throw asProblem(error);
    }
  }

  /** Runs queries that hold together or not at all. */
  async transaction<T>(work: (db: Db) => Promise<T>): Promise<T> {
    return this.run((db) => db.transaction((tx) => work(tx)));
  }

  /** Whether Postgres answers now; for readiness. */
  async ping(): Promise<void> {
    await this.run(async () => this.pool.query('SELECT 1'));
  }

  /** Registers what must still be written before the connections close: counters that are kept in memory. */
  beforeClose(flush: () => Promise<void>): void {
    this.lastWords.push(flush);
  }

  /** Writes what is left and closes every connection. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.allSettled(this.lastWords.splice(0).map((flush) => flush()));
    if (!this.pool.ended) await this.pool.end();
  }
}
