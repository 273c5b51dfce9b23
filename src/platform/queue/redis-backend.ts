// How do queues live in Redis? Under a name of their own, with producers that fail fast and workers that wait.
import { Queue, Worker } from 'bullmq';
import type { RedisOptions } from 'ioredis';
import { Client } from 'pg';
import { poolOptions } from '../postgres/postgres';
import type { QueueBackend } from './backend';
import { lookAtRedis } from './redis-look';

const PRODUCER_TIMEOUT_MS = 3_000;
/** BullMQ's own would wait up to 20 s: as long would a server be unready after its Redis is back. */
const LONGEST_WAIT_MS = 2_000;
const retryStrategy = (times: number): number => Math.min(200 * times, LONGEST_WAIT_MS);

/** Makes queues in Redis. It may be away: a line says so, and what is not in it waits.
 *  @param postgres URL of the database whose jobs these are */
export async function inRedis(url: string, postgres: string): Promise<QueueBackend> {
  const prefix = `millrace:queues:${await installationOf(postgres)}`;
  const look = lookAtRedis(url);
  await look.first;
  const at = connectionOf(url);
  return {
    // A request must not wait for a store that is away.
    queue: (name, options) =>
      new Queue(name, {
        ...options,
        prefix,
        connection: {
          ...at,
          retryStrategy,
          maxRetriesPerRequest: 1,
          enableOfflineQueue: false,
          connectTimeout: PRODUCER_TIMEOUT_MS,
          commandTimeout: PRODUCER_TIMEOUT_MS,
        },
      }),
    worker: (name, processor, options) =>
      new Worker(name, processor, {
        ...options,
        prefix,
        connection: { ...at, retryStrategy, maxRetriesPerRequest: null },
      }),
    close: () => look.end(),
  };
}

/** Whose queues these are. Several installations may share a Redis, and a worker of one must not take the jobs of another: it would find
 *  nothing about them, and they would be gone. The database tells them apart, by whatever URL it is reached and whoever restarts it. */
async function installationOf(postgres: string): Promise<string> {
  const client = new Client(poolOptions(postgres));
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ id: string }>(
      "SELECT to_hex(system_identifier) || '-' || (SELECT oid FROM pg_database WHERE datname = current_database()) AS id FROM pg_control_system()",
    );
    const [row] = rows;
    if (row === undefined) throw new Error('Postgres does not say which one it is');
    return row.id;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function connectionOf(url: string): RedisOptions {
  const at = new URL(url);
  return {
    host: at.hostname.replace(/^\[|\]$/g, ''),
    port: at.port === '' ? 6379 : Number(at.port),
    ...(at.username === '' ? {} : { username: decodeURIComponent(at.username) }),
    ...(at.password === '' ? {} : { password: decodeURIComponent(at.password) }),
    ...(at.pathname.length > 1 ? { db: Number(at.pathname.slice(1)) } : {}),
    ...(at.protocol === 'rediss:' ? { tls: {} } : {}),
  };
}
