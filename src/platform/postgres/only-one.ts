// Who does work that several processes are about to begin? Whoever gets this lock; Postgres keeps it, and drops it with the holder.
import { Client } from 'pg';
import { asProblem } from './errors';
import { poolOptions } from './postgres';

/** Does the work unless somebody else, anywhere, is at it under the same lock; then nothing happens here.
 *  On a connection of its own: the work may take longer than a pool can spare one.
 *  @throws storeUnavailable where Postgres is away; what the work throws */
export async function onlyOne(url: string, lock: number, work: () => Promise<unknown>): Promise<void> {
  const client = new Client(poolOptions(url));
  client.on('error', () => undefined);
  try {
    if (await hasLock(client, lock)) await work();
  } finally {
    // Ends the session, and with it the lock.
    await client.end().catch(() => undefined);
  }
}

async function hasLock(client: Client, lock: number): Promise<boolean> {
  try {
    await client.connect();
    const { rows } = await client.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1) AS got', [lock]);
    return rows[0]?.got === true;
  } catch (error) {
    throw asProblem(error);
  }
}
