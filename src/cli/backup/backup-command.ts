// How is a backup made, and what does it show? Postgres as of one moment, then ClickHouse: what was on its way from one to the other is in both.
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readEnv } from '../../config/env';
import { packageRoot } from '../../config/paths';
import { makeFolder } from '../../embedded/make-folder';
import { CommandFailed, grouped, startProgress, table, type Output, UsageAsked } from '../command';
import { copyPieces, planPieces, warehouseMigrations } from './clickhouse-backup';
import { partsOf, writeManifest, type Manifest, type TableCopy } from './manifest';
import { makePostgresFolder, PostgresMoment, readSequences } from './postgres-backup';
import { openStores, type OpenStores } from './stores';
import { Warehouse } from './warehouse';

const USAGE = `npm run backup -- --to FOLDER
  --to  a folder that does not exist yet: it becomes the backup
Reads the stores of the server that runs on this machine's DATA_DIR, or those of DATABASE_URL and CLICKHOUSE_URL. The server may go on
meanwhile: everything that was acknowledged before the command began is in the backup.`;

/** Runs the command.
 *  @returns the exit status: 0 when the backup is whole and on disk
 *  @throws CommandFailed, Fatal: one line for the caller; no part of a backup stays behind then */
export async function backupCommand(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  output: Output,
): Promise<number> {
  const target = readTarget(args);
  if (existsSync(target)) throw new CommandFailed(`${target} exists already: a backup is a new folder`);
  // Until it is whole it has another name, so that nobody takes a part for the whole.
  const unfinished = join(dirname(target), `.${basename(target)}.unfinished`);
  try {
    makeFolder(dirname(target), 0o755);
  } catch (cause) {
    throw new CommandFailed(`can't make ${dirname(target)} (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
  await mkdir(unfinished, { mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    const why =
      cause.code === 'EEXIST' ? 'of a backup that was cut short, or still runs; remove it' : `(${cause.code})`;
    throw new CommandFailed(`can't make ${unfinished}: ${why}`, { cause });
  });
  const began = performance.now();
  let stores: OpenStores | undefined;
  try {
    stores = await openStores(readEnv(environment));
    const manifest = await copyAll(stores, unfinished, output);
    await writeManifest(unfinished, manifest);
    await rename(unfinished, target);
    output.line(told(target, manifest, performance.now() - began));
    return 0;
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  } finally {
    await stores?.close();
  }
}

/** @throws CommandFailed with the usage, UsageAsked */
function readTarget(args: readonly string[]): string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { to: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help === true) throw new UsageAsked('copies an instance while it works', USAGE);
    if (values.to !== undefined && values.to !== '') return resolve(values.to);
  } catch (error) {
    throw error instanceof UsageAsked ? error : new CommandFailed(`${(error as Error).message}\n\n${USAGE}`);
  }
  throw new CommandFailed(`--to FOLDER is expected\n\n${USAGE}`);
}

async function copyAll(stores: OpenStores, folder: string, output: Output): Promise<Manifest> {
  const warehouse = new Warehouse(stores.clickhouse);
  const beganAt = new Date().toISOString();
  const moment = await PostgresMoment.of(stores.postgres);
  try {
    const versions = await warehouseMigrations(warehouse);
    const migrations = await moment.migrations();
    await makePostgresFolder(folder);
    const tables: TableCopy[] = [];
    for (const one of await moment.tables()) tables.push(await moment.copy(folder, one));
    // Ended before the long part: a moment that is held keeps Postgres from tidying up.
    await moment.close();

    const pieces = await planPieces(warehouse, moment.newestProject);
    const rows = Math.round(pieces.reduce((sum, piece) => sum + piece.rows, 0));
    const bar = startProgress(output, 'Copying', rows);
    let copied = 0;
    const warehouseTables = await copyPieces(warehouse, folder, pieces, (more) => {
      copied += more;
      bar.at(Math.round(copied), `${grouped(Math.round(copied))} of ${grouped(rows)} rows`);
    });
    bar.stop();
    return {
      format: 'millrace-backup',
      version: 1,
      release: await release(),
      beganAt,
      finishedAt: new Date().toISOString(),
      postgres: { migrations, tables, sequences: await readSequences(stores.postgres) },
      clickhouse: { migrations: versions, tables: warehouseTables },
    };
  } finally {
    await moment.close();
    await warehouse.close();
  }
}

async function release(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  return version;
}

function told(target: string, manifest: Manifest, tookMs: number): string {
  const parts = partsOf(manifest);
  const rowsOf = (copies: readonly TableCopy[], name?: string): number =>
    copies
      .filter((copy) => name === undefined || copy.name === name)
      .flatMap((copy) => copy.parts)
      .reduce((sum, { rows }) => sum + (rows ?? 0), 0);
  return table([
    ['backup', target],
    ['as of', manifest.beganAt],
    ['events', rowsOf(manifest.clickhouse.tables, 'events')],
    ['rows of Postgres', rowsOf(manifest.postgres.tables)],
    ['blocks on their way', rowsOf(manifest.postgres.tables, 'ingest_spool')],
    ['files', parts.length],
    ['megabytes', (parts.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(1)],
    ['seconds', (tookMs / 1e3).toFixed(1)],
  ]);
}
