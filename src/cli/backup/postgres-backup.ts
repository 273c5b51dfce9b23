// What of Postgres is in a backup, and how does it get there? Every table of ours as one moment saw it, but for what is soon over or derived.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { poolOptions } from '../../platform/postgres/postgres';
import { CommandFailed } from '../command';
import { isName, type TableCopy } from './manifest';
import { copyOut } from './postgres-copy-stream';
import { writePart } from './parts';

/** Tables that stay out.
 *  - what is derived: begun anew from the events, which the backup has from a later moment than these tables
 *  - the salts of derived visitors: they are forgotten after two days, and a copy would remember them
 *  - what is over in a minute: counters of limits, who watches live, tickets; and notes of what housekeeping did to files that are not in it */
const LEFT_OUT = new Set([
  'event_horizons',
  'stale_ranges',
  'stale_visitors',
  'rollup_cells',
  'visitor_salts',
  'throttle_counts',
  'live_interests',
  'realtime_tickets',
  'chore_notes',
]);

/** One moment of a database: everything that is read through it is as it was then. */
export class PostgresMoment {
  private constructor(
    private readonly client: Client,
    /** The number of the newest project; 0: there is none. */
    readonly newestProject: number,
  ) {}

  /** @throws CommandFailed where there is no database of ours */
  static async of(url: string): Promise<PostgresMoment> {
    const client = await connect(url);
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const { rows } = await client.query<{ newest: number }>(
        'SELECT coalesce(max(number), 0) AS newest FROM projects',
      );
      return new PostgresMoment(client, rows[0]?.newest ?? 0);
    } catch (cause) {
      await client.end();
      if ((cause as { code?: string }).code === '42P01')
        throw new CommandFailed('the Postgres database holds no instance: no server was ever started on it', { cause });
      throw cause;
    }
  }

  /** @returns moments of the migrations that were applied */
  async migrations(): Promise<number[]> {
    const { rows } = await this.client.query<{ at: string }>(
      'SELECT created_at AS at FROM drizzle.__drizzle_migrations ORDER BY created_at',
    );
    return rows.map(({ at }) => Number(at));
  }

  /** The tables that belong into a backup, with their columns; what others refer to comes first. */
  async tables(): Promise<{ name: string; columns: string[] }[]> {
    const { rows } = await this.client.query<{ name: string; columns: string[] }>(`
      SELECT table_name AS name, array_agg(column_name::text ORDER BY ordinal_position) AS columns
      FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
      WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'
      GROUP BY table_name ORDER BY table_name`);
    const wanted = rows.filter(({ name }) => isName(name) && !LEFT_OUT.has(name));
    const { rows: references } = await this.client.query<{ from: string; to: string }>(`
      SELECT conrelid::regclass::text AS from, confrelid::regclass::text AS to FROM pg_constraint WHERE contype = 'f'`);
    return inOrder(wanted, references);
  }

  /** Writes a table into the backup. */
  async copy(folder: string, { name, columns }: { name: string; columns: string[] }): Promise<TableCopy> {
    const { stream, rows } = copyOut(this.client, tableOf({ name, columns }));
    return { name, columns, parts: await writePart(folder, `postgres/${name}.copy.gz`, stream, rows) };
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}

/** A table with its columns, as COPY wants it. */
export const tableOf = ({ name, columns }: { name: string; columns: readonly string[] }): string =>
  `public."${name}" (${columns.map((column) => `"${column}"`).join(', ')})`;

/** A machine that is busy with its server may take long to answer a command that has time. */
const CONNECT_TIMEOUT_MS = 60_000;

/** A connection that waits longer than a server's may. */
export async function connect(url: string): Promise<Client> {
  const client = new Client({
    ...poolOptions(url),
    application_name: 'millrace-backup',
    options: '-c TimeZone=UTC',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** The last number that each sequence gave, as decimal text.
 *  TRICKY: asked after everything else was copied. Numbers name projects and versions in the warehouse, which is copied later than the
 *  tables: what was made in between must never be named again by somebody else. */
export async function readSequences(url: string): Promise<Record<string, string>> {
  const client = await connect(url);
  try {
    const { rows } = await client.query<{ name: string; value: string }>(`
      SELECT sequencename AS name, last_value::text AS value FROM pg_sequences
      WHERE schemaname = 'public' AND last_value IS NOT NULL ORDER BY 1`);
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  } finally {
    await client.end();
  }
}

/** Makes the folder of these files. */
export const makePostgresFolder = (folder: string): Promise<unknown> =>
  mkdir(join(folder, 'postgres'), { mode: 0o700 });

/** Orders tables so that each comes after those that it refers to. */
export function inOrder<T extends { name: string }>(
  tables: readonly T[],
  references: readonly { from: string; to: string }[],
): T[] {
  const ordered: T[] = [];
  let left = [...tables];
  while (left.length > 0) {
    const waiting = new Set(left.map(({ name }) => name));
    const free = left.filter(
      ({ name }) => !references.some(({ from, to }) => from === name && to !== name && waiting.has(to)),
    );
    if (free.length === 0) throw new CommandFailed(`these tables refer to each other: ${[...waiting].join(', ')}`);
    ordered.push(...free);
    left = left.filter((table) => !free.includes(table));
  }
  return ordered;
}
