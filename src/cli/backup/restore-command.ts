// How is a backup restored, and what does it show? First every checksum, then ClickHouse, then Postgres at once: there is no half instance.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readEnv, type Env } from '../../config/env';
import { CommandFailed, startProgress, table, type Output, UsageAsked } from '../command';
import { fillTables, makeTables, refuseFullWarehouse, refuseNewerWarehouse, settleTwins } from './clickhouse-restore';
import { partsOf, readManifest, type Manifest, type Part } from './manifest';
import { checkPart } from './parts';
import { EmptyPostgres, migrationsOf } from './postgres-restore';
import { startStores, type OpenStores } from './stores';
import { Warehouse } from './warehouse';

const USAGE = `npm run restore -- --from FOLDER [--check]
  --from   a backup
  --check  only whether the backup is as it was written; nothing is restored
Fills a new DATA_DIR, or the empty databases of DATABASE_URL and CLICKHOUSE_URL. Start the server when it is done.`;

/** Runs the command.
 *  @returns the exit status: 0 when everything of the backup is in the stores, or when its files are right
 *  @throws CommandFailed, Fatal: one line for the caller */
export async function restoreCommand(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  output: Output,
): Promise<number> {
  const { folder, check } = readArguments(args);
  const began = performance.now();
  const manifest = await readManifest(folder);
  await checkParts(folder, manifest, output);
  if (check) {
    output.line(told(manifest, 'right', performance.now() - began));
    return 0;
  }
  migrationsOf(manifest);
  await refuseNewerWarehouse(manifest);
  const env = readEnv(environment);
  const stores = await startStores(env);
  try {
    await fillAll(stores, env, folder, manifest, output);
  } finally {
    await stores.close();
  }
  output.line(told(manifest, 'restored', performance.now() - began));
  return 0;
}

/** @throws CommandFailed with the usage, UsageAsked */
function readArguments(args: readonly string[]): { folder: string; check: boolean } {
  const flag = { type: 'boolean' } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { from: { type: 'string' }, check: flag, help: { ...flag, short: 'h' } },
    });
    if (values.help === true) throw new UsageAsked('makes a new instance of a copy', USAGE);
    if (values.from !== undefined && values.from !== '')
      return { folder: resolve(values.from), check: values.check ?? false };
  } catch (error) {
    throw error instanceof UsageAsked ? error : new CommandFailed(`${(error as Error).message}\n\n${USAGE}`);
  }
  throw new CommandFailed(`--from FOLDER is expected\n\n${USAGE}`);
}

/** A bar over the bytes of all files. */
function barOf(manifest: Manifest, what: string, output: Output): { done: (part: Part) => void; stop: () => void } {
  const parts = partsOf(manifest);
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const all = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const bar = startProgress(output, what, all);
  let done = 0;
  return {
    done: ({ bytes }) => {
      done += bytes;
      bar.at(done, `${megabytes(done)} of ${megabytes(all)} MB`);
    },
    stop: () => bar.stop(),
  };
}

async function checkParts(folder: string, manifest: Manifest, output: Output): Promise<void> {
  const bar = barOf(manifest, 'Checking', output);
  for (const part of partsOf(manifest)) {
    await checkPart(folder, part);
    bar.done(part);
  }
  bar.stop();
}

async function fillAll(
  stores: OpenStores,
  env: Env,
  folder: string,
  manifest: Manifest,
  output: Output,
): Promise<void> {
  const url = new URL(stores.clickhouse);
  const database = decodeURIComponent(url.pathname.slice(1)) || 'default';
  url.pathname = '';
  const server = new Warehouse(url.href);
  const warehouse = new Warehouse(stores.clickhouse);
  const postgres = await EmptyPostgres.of(stores.postgres);
  try {
    await refuseFullWarehouse(server, database);
    await postgres.take();
    await makeTables(stores.clickhouse, env.CLICKHOUSE_CLUSTER, manifest);
    const bar = barOf(manifest, 'Restoring', output);
    await fillTables(warehouse, folder, manifest, bar.done);
    await settleTwins(warehouse, manifest.beganAt);
    await postgres.fill(folder, manifest, bar.done);
    bar.stop();
  } catch (error) {
    if (error instanceof CommandFailed) throw error;
    const code = (error as { code?: unknown }).code;
    throw new CommandFailed(
      `the stores could not be filled: ${typeof code === 'string' ? code : (error as Error).message}`,
      {
        cause: error,
      },
    );
  } finally {
    await Promise.allSettled([postgres.close(), warehouse.close(), server.close()]);
  }
}

function told(manifest: Manifest, became: string, tookMs: number): string {
  const events = manifest.clickhouse.tables.find(({ name }) => name === 'events')?.parts ?? [];
  return table([
    ['backup', became],
    ['as of', manifest.beganAt],
    ['of release', manifest.release],
    ['events', events.reduce((sum, { rows }) => sum + (rows ?? 0), 0)],
    ['files', partsOf(manifest).length],
    ['seconds', (tookMs / 1e3).toFixed(1)],
  ]);
}
