// Is the database what this code expects? Brings it there once, whoever else boots; refuses one that is ahead of the code.
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { Client } from 'pg';
import { packageRoot } from '../../config/paths';
import { codeOf, rootCause } from './errors';
import { bootOptions } from './postgres';

/** Any number that nothing else locks: "mill" in ASCII. */
const LOCK = 0x6d_69_6c_6c;
const SCHEMA = 'drizzle';
const TABLE = '__drizzle_migrations';
const UNDEFINED_TABLE = '42P01';

/** TRICKY: a migration that no release knows, so that every release refuses a database that is being restored, or whose restore was cut
 *  short. */
export const RESTORE_GUARD = { hash: 'a restore has not come to its end', at: 253_402_300_799_000 };

/** A database that this code can't work with. One line, for whoever starts the server. */
export class DatabaseRefused extends Error {
  constructor(line: string, cause?: unknown) {
    super(line, { cause });
    this.name = 'DatabaseRefused';
  }
}

async function appliedMigrations(client: Client): Promise<number[]> {
  try {
    const { rows } = await client.query<{ at: string }>(
      `SELECT created_at AS at FROM "${SCHEMA}"."${TABLE}" ORDER BY created_at`,
    );
    return rows.map(({ at }) => Number(at));
  } catch (error) {
    if (codeOf(error) === UNDEFINED_TABLE) return [];
    throw error;
  }
}

/** Applies what is missing of the migrations in `folder`, under a lock that others who boot wait for.
 *  @param folder with drizzle's journal; the package's own by default
 *  @throws DatabaseRefused where the database holds a migration that the code does not know, or can't be reached */
export async function migratePostgres(url: string, folder = join(packageRoot, 'drizzle')): Promise<void> {
  const client = new Client(bootOptions(url));
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    const known = new Set(readMigrationFiles({ migrationsFolder: folder }).map(({ folderMillis }) => folderMillis));
    const unknown = (await appliedMigrations(client)).filter((at) => !known.has(at));
    if (unknown.includes(RESTORE_GUARD.at))
      throw new DatabaseRefused(
        'A backup is being restored into the Postgres database, or its restore was cut short: wait for its end, or empty both stores and restore again.',
      );
    if (unknown.length > 0)
      throw new DatabaseRefused(
        `The Postgres database is newer than this version of Millrace (${unknown.length} unknown migration(s)): start the version that made it, or restore a backup.`,
      );
    await migrate(drizzle(client), { migrationsFolder: folder, migrationsSchema: SCHEMA, migrationsTable: TABLE });
  } catch (error) {
    if (error instanceof DatabaseRefused) throw error;
    const cause = rootCause(error);
    const why = codeOf(cause) ?? (cause instanceof Error ? cause.message : 'unknown reason');
    throw new DatabaseRefused(
      `The Postgres database (DATABASE_URL, or the embedded one) could not be prepared: ${why}.`,
      cause,
    );
  } finally {
    // Ends the session, and with it the lock.
    await client.end().catch(() => undefined);
  }
}
