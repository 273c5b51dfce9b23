// How does BullMQ live through an outage of Postgres? Behind a pool that waits for the store, and names its absence as BullMQ knows it.
import { Pool, type PoolClient, type PoolConfig, type QueryResult } from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAway } from '../postgres/errors';

const AGAIN_MS = 500;

/** A pool for BullMQ 6.7.
 *  TRICKY: BullMQ remembers the outcome of its first connection for good. Where that failed (Postgres still starting, a busy machine),
 *  every later call fails at once with it, and a worker's loop then spins without ever yielding to the event loop. So the promise of a
 *  connection is kept open here until there is one. And of all failures it waits after a refused connection only; the others it
 *  tries again at once. */
export class PatientPool extends Pool {
  constructor(options: PoolConfig) {
    super(options);
    // TRICKY: the pool hears a connection while it is idle. One that breaks while it is held, and nothing is asked on it, tells nobody
    // else: unheard, that ends the process.
    this.on('connect', (connection) => connection.on('error', () => undefined));
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: Parameters<Pool['connect']>[0]): void;
  override connect(callback?: Parameters<Pool['connect']>[0]): Promise<PoolClient> | void {
    // `query` asks this way; it fails by itself, below.
    if (callback !== undefined) return super.connect(callback);
    return this.#untilConnected();
  }

  // The pool has a dozen signatures for this one; BullMQ calls it with a text and values, and awaits.
  override query = (async (...parts: unknown[]): Promise<QueryResult> => {
    try {
      return await (super.query as (...all: unknown[]) => Promise<QueryResult>).apply(this, parts);
    } catch (error) {
      if (!isAway(error)) throw error;
      throw Object.assign(new Error('ECONNREFUSED: Postgres is away', { cause: error }), { code: 'ECONNREFUSED' });
    }
  }) as Pool['query'];

  async #untilConnected(): Promise<PoolClient> {
    for (;;) {
      try {
        return await super.connect();
      } catch (error) {
        if (!isAway(error)) throw error;
        // After the end there is nobody left to tell.
        if (this.ending) return new Promise<never>(() => undefined);
        await sleep(AGAIN_MS, undefined, { ref: false });
      }
    }
  }
}
