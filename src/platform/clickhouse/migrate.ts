// Is the warehouse's schema the one that this code expects? Applies numbered `.sql` files once, whoever else boots at the same time.
import { createClient } from '@clickhouse/client';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../config/paths';
import { toFault } from './faults';

/** A warehouse that this code can't work with. One line, for whoever starts the server. */
export class WarehouseRefused extends Error {
  constructor(line: string, cause?: unknown) {
    super(line, { cause });
    this.name = 'WarehouseRefused';
  }
}

interface Migration {
  version: number;
  name: string;
  statements: string[];
}

const FOLDER = join(packageRoot, 'src', 'platform', 'clickhouse', 'migrations');
const FOLDER_BUILT = join(packageRoot, 'dist', 'platform', 'clickhouse', 'migrations');

/** Applies what is missing. The caller holds a lock that every booting process asks for (Postgres keeps it: ClickHouse has none).
 *  @param url of the database, which is made where it does not exist
 *  @param upTo the last version that is applied; default: the newest
 *  @throws WarehouseRefused where the warehouse is newer than this code, or can't be reached or changed */
export async function migrateClickHouse(url: string, cluster: string | undefined, upTo = Infinity): Promise<void> {
  try {
    await migrate(url, cluster, upTo);
  } catch (error) {
    if (error instanceof WarehouseRefused) throw error;
    const where = `CLICKHOUSE_URL, or the embedded one${cluster === undefined ? '' : ', and CLICKHOUSE_CLUSTER'}`;
    throw new WarehouseRefused(`The warehouse (${where}) could not be prepared: ${toFault(error).type}.`, error);
  }
}

/** Versions of the migrations that this code has. */
export const knownVersions = async (): Promise<ReadonlySet<number>> =>
  new Set((await readMigrations(undefined)).map(({ version }) => version));

async function migrate(url: string, cluster: string | undefined, upTo: number): Promise<void> {
  const database = decodeURIComponent(new URL(url).pathname.slice(1)) || 'default';
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(database))
    throw new WarehouseRefused('CLICKHOUSE_URL names a database that is not a plain identifier');
  const onCluster = cluster === undefined ? '' : `ON CLUSTER '${cluster}'`;
  const server = new URL(url);
  server.pathname = '';
  const root = createClient({ url: server.href, log: { level: 127 as never } });
  try {
    if (database !== 'default') await root.command({ query: `CREATE DATABASE IF NOT EXISTS ${database} ${onCluster}` });
  } finally {
    await root.close();
  }
  const client = createClient({ url, log: { level: 127 as never } });
  try {
    await client.command({
      query: fill(
        `CREATE TABLE IF NOT EXISTS schema_migrations {{on_cluster}} (version UInt32, name String, applied_at DateTime DEFAULT now())
         ENGINE = {{replacing_merge_tree}} ORDER BY version`,
        cluster,
      ),
    });
    const result = await client.query({ query: 'SELECT version FROM schema_migrations FINAL', format: 'JSONEachRow' });
    const applied = new Set((await result.json<{ version: number }>()).map(({ version }) => version));
    const known = await readMigrations(cluster);
    const unknown = [...applied].filter((version) => !known.some((migration) => migration.version === version));
    if (unknown.length > 0)
      throw new WarehouseRefused(
        `The warehouse has schema version ${Math.max(...unknown)}, which is newer than this Millrace: start the newer release`,
      );
    const missing = known.filter(({ version }) => version <= upTo && !applied.has(version));
    for (const { version, name, statements } of missing) {
      for (const query of statements) await client.command({ query });
      await client.insert({ table: 'schema_migrations', format: 'JSONEachRow', values: [{ version, name }] });
    }
  } finally {
    await client.close();
  }
}

async function readMigrations(cluster: string | undefined): Promise<Migration[]> {
  // Under a test the sources run, in production the build: an image may hold `dist` alone.
  const folder = await readdir(FOLDER_BUILT).then(
    () => FOLDER_BUILT,
    () => FOLDER,
  );
  const files = (await readdir(folder)).filter((file) => /^\d{3}_[a-z_]+\.sql$/.test(file)).sort();
  return Promise.all(
    files.map(async (name) => ({
      version: Number(name.slice(0, 3)),
      name,
      statements: fill(await readFile(join(folder, name), 'utf8'), cluster)
        .split(/;[ \t]*$/m)
        .map((statement) => statement.trim())
        .filter((statement) => statement.replace(/^--.*$/gm, '').trim() !== ''),
    })),
  );
}

/** A cluster has replicated tables, one server plain ones; the files are written once for both. */
const fill = (text: string, cluster: string | undefined): string => {
  const replicated = cluster === undefined ? '' : 'Replicated';
  return text
    .replaceAll('{{on_cluster}}', cluster === undefined ? '' : `ON CLUSTER '${cluster}'`)
    .replaceAll('{{merge_tree}}', `${replicated}MergeTree`)
    .replaceAll('{{replacing_merge_tree}}', `${replicated}ReplacingMergeTree`)
    .replaceAll('{{aggregating_merge_tree}}', `${replicated}AggregatingMergeTree`)
    .replaceAll(
      '{{deduplication_window}}',
      cluster === undefined ? 'non_replicated_deduplication_window' : 'replicated_deduplication_window',
    );
};
