// Where do queues live? In Redis where it is configured, else in Postgres; both behind the same BullMQ.
import { Queue, Worker, createPostgresBackend, runMigrations } from 'bullmq';
import type { Processor, QueueOptions, WorkerOptions } from 'bullmq';
import { Client } from 'pg';
import type { StoreUrls } from '../../config/env';
import { DatabaseRefused } from '../postgres/migrate';
import { codeOf } from '../postgres/errors';
import { poolOptions } from '../postgres/postgres';
import { PatientPool } from './patient-pool';
import { QUEUE_NAMES } from './queue-names';
import { inRedis } from './redis-backend';

/** BullMQ's own name for its schema; with a pool of ours it takes no other. */
const SCHEMA = 'bullmq';
/** Each worker keeps one connection to be told of new jobs; the rest are for short statements. */
const POOL_SIZE = QUEUE_NAMES.length + 6;
const STATEMENT_TIMEOUT_MS = 10_000;

/** Makes queues and workers on one store. */
export interface QueueBackend {
  queue(name: string, options: Partial<QueueOptions>): Queue;
  worker(name: string, processor: Processor, options: Partial<WorkerOptions>): Worker;
  /** After queues and workers are closed. */
  close(): Promise<void>;
}

/** Prepares the store and answers what makes queues on it.
 *  @throws DatabaseRefused where Postgres can't hold them */
export const queueBackend = (urls: StoreUrls): Promise<QueueBackend> =>
  urls.redis === undefined ? inPostgres(urls.postgres) : inRedis(urls.redis, urls.postgres);

async function inPostgres(url: string): Promise<QueueBackend> {
  await migrate(url);
  const pool = new PatientPool({
    ...poolOptions(url),
    application_name: 'millrace-queues',
    max: POOL_SIZE,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 1_000,
    options: `-c search_path=${SCHEMA}`,
  });
  // One listener of BullMQ's for each queue and worker: not a leak.
  pool.setMaxListeners(0);
  pool.on('error', () => undefined);
  // BullMQ types connections as Redis unless the backend's factory is given with them.
  return {
    queue: (name, options) => new Queue(name, { ...options, connection: pool }, createPostgresBackend) as never,
    worker: (name, processor, options) =>
      new Worker(name, processor, { ...options, connection: pool }, createPostgresBackend as never),
    close: () => pool.end(),
  };
}

async function migrate(url: string): Promise<void> {
  const client = new Client(poolOptions(url));
  client.on('error', () => undefined);
  try {
    await client.connect();
    // Takes a lock of its own, so that of several processes that boot at once one migrates.
    await runMigrations(client, SCHEMA);
  } catch (error) {
    const why = codeOf(error) ?? (error instanceof Error ? error.message.split('\n')[0] : 'unknown reason');
    throw new DatabaseRefused(`The queues in Postgres could not be prepared: ${why}.`, error);
  } finally {
    await client.end().catch(() => undefined);
  }
}
