// How does a database become what the backup holds? In one transaction, so that it is all there or not at all.
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { join } from 'node:path';
import type { Client } from 'pg';
import { packageRoot } from '../../config/paths';
import { RESTORE_GUARD } from '../../platform/postgres/migrate';
import { CommandFailed } from '../command';
import type { Manifest, Part } from './manifest';
import { readPart } from './parts';
import { copyIn } from './postgres-copy-stream';
import { connect, tableOf } from './postgres-backup';

/** The migrations that made the backup's tables.
 *  @throws CommandFailed where this release lacks one */
export function migrationsOf({ postgres }: Manifest): { statements: string[]; hash: string; at: number }[] {
  const known = readMigrationFiles({ migrationsFolder: join(packageRoot, 'drizzle') });
  const lacking = postgres.migrations.filter((at) => !known.some(({ folderMillis }) => folderMillis === at));
  if (lacking.length > 0)
    throw new CommandFailed('the backup was made by a newer release: restore it with that one, or a later one');
  return known
    .filter(({ folderMillis }) => postgres.migrations.includes(folderMillis))
    .map(({ sql, hash, folderMillis }) => ({ statements: sql, hash, at: folderMillis }));
}

/** A database that is being filled, which nobody can start a server on meanwhile. */
export class EmptyPostgres {
  private constructor(private readonly client: Client) {}

  /** @throws CommandFailed where the database holds anything */
  static async of(url: string): Promise<EmptyPostgres> {
    const client = await connect(url);
    try {
      await refuseTables(client);
      return new EmptyPostgres(client);
    } catch (error) {
      await client.end();
      throw error;
    }
  }

  /** Takes the database, so that no server starts on it before the end: the guard goes in the transaction that brings everything else. */
  async take(): Promise<void> {
    await this.client.query(`
      CREATE SCHEMA drizzle;
      CREATE TABLE drizzle.__drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint);
      INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('${RESTORE_GUARD.hash}', ${RESTORE_GUARD.at})`);
  }

  /** Makes the tables and fills them, and lets servers start. @param done told after each file */
  async fill(folder: string, manifest: Manifest, done: (part: Part) => void): Promise<void> {
    const { client } = this;
    await client.query('BEGIN');
    await client.query('DELETE FROM drizzle.__drizzle_migrations WHERE created_at = $1', [RESTORE_GUARD.at]);
    for (const { statements, hash, at } of migrationsOf(manifest)) {
      for (const statement of statements) await client.query(statement);
      await client.query('INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ($1, $2)', [hash, at]);
    }
    for (const { name, columns, parts } of manifest.postgres.tables)
      for (const part of parts) {
        const rows = await copyIn(client, tableOf({ name, columns }), readPart(folder, part));
        if (part.rows !== null && rows !== part.rows)
          throw new CommandFailed(`table ${name} has ${rows} rows and not ${part.rows} as the backup says`);
        done(part);
      }
    for (const [name, value] of Object.entries(manifest.postgres.sequences))
      await client.query(`SELECT setval('public."${name}"', $1::bigint)`, [value]);
    await client.query('COMMIT');
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}

async function refuseTables(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(`
    SELECT format('%s.%s', table_schema, table_name) AS name FROM information_schema.tables
    WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`);
  if (rows.length === 0) return;
  if (rows.length === 1 && rows[0]?.name === 'drizzle.__drizzle_migrations')
    throw new CommandFailed(
      'an earlier restore was cut short here: remove what it left of both databases, and begin again',
    );
  throw new CommandFailed(
    'the Postgres database is not empty: a backup is restored into a new DATA_DIR, or into two new databases',
  );
}
