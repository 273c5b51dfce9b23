// Who may prepare a store when several processes boot at once? Whoever holds this lock; Postgres keeps it, and drops it with the holder.
import { Client } from 'pg';
import { codeOf } from './errors';
import { DatabaseRefused } from './migrate';
import { bootOptions } from './postgres';

/** Any number that nothing else locks: "mark" in ASCII. */
const LOCK = 0x6d_61_72_6b;

/** Does work that only one booting process may do at a time. Others wait, however long it takes.
 *  @throws DatabaseRefused where Postgres can't be reached; what the work throws */
export async function withBootLock<T>(postgresUrl: string, work: () => Promise<T>): Promise<T> {
  const client = new Client(bootOptions(postgresUrl));
  client.on('error', () => undefined);
  try {
    await lock(client);
    return await work();
  } finally {
    // Ends the session, and with it the lock.
    await client.end().catch(() => undefined);
  }
}

async function lock(client: Client): Promise<void> {
  try {
    await client.connect();
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
  } catch (error) {
    throw new DatabaseRefused(
      `The Postgres database (DATABASE_URL, or the embedded one) could not be reached: ${codeOf(error) ?? 'unknown reason'}.`,
      error,
    );
  }
}
