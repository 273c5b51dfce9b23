// What is in a backup? A list of its files with their sizes and checksums, and of what each must become again.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailed } from '../command';

/** One file of a backup. */
export interface Part {
  /** Path inside the backup. */
  readonly file: string;
  /** Rows in it, as the store counted them; null where it did not. */
  readonly rows: number | null;
  /** Size of the file, compressed. */
  readonly bytes: number;
  /** Of the file as it lies there, hexadecimal. */
  readonly sha256: string;
}

/** A table, and the files that hold its rows. */
export interface TableCopy {
  readonly name: string;
  /** Columns in the order of the rows. */
  readonly columns: readonly string[];
  readonly parts: readonly Part[];
}

/** The contents of `manifest.json`. */
export interface Manifest {
  readonly format: 'millrace-backup';
  readonly version: 1;
  /** The release that made it. */
  readonly release: string;
  /** Everything that was acknowledged before is in it; of what came later some is. ISO 8601. */
  readonly beganAt: string;
  readonly finishedAt: string;
  readonly postgres: {
    /** Moments of the migrations that had been applied, as drizzle numbers them. */
    readonly migrations: readonly number[];
    readonly tables: readonly TableCopy[];
    /** The last number that each sequence gave. */
    readonly sequences: Readonly<Record<string, string>>;
  };
  readonly clickhouse: {
    readonly migrations: readonly number[];
    readonly tables: readonly TableCopy[];
  };
}

const NAME = 'manifest.json';
const SUM = 'manifest.json.sha256';

const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Writes the manifest: what lacks one is no backup. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const text = `${JSON.stringify(manifest, null, 1)}\n`;
  const options = { mode: 0o600, flag: 'wx', flush: true };
  await writeFile(join(folder, SUM), `${sumOf(text)}  ${NAME}\n`, options);
  await writeFile(join(folder, NAME), text, options);
}

/** Reads and checks a manifest; its files are not looked at.
 *  @throws CommandFailed where the folder is no backup, or the manifest was damaged */
export async function readManifest(folder: string): Promise<Manifest> {
  let text: string;
  let sum: string;
  try {
    text = await readFile(join(folder, NAME), 'utf8');
    sum = await readFile(join(folder, SUM), 'utf8');
  } catch (cause) {
    throw new CommandFailed(`${folder} is no backup: it has no ${NAME} with its checksum`, { cause });
  }
  if (sum.split(' ')[0] !== sumOf(text))
    throw new CommandFailed(`the backup is damaged: ${NAME} is not what was written`);
  const manifest = JSON.parse(text) as Manifest;
  if (manifest.format !== 'millrace-backup' || manifest.version !== 1)
    throw new CommandFailed('the backup was made by a newer release: restore it with that one');
  for (const { name, columns, parts } of [...manifest.postgres.tables, ...manifest.clickhouse.tables])
    if (![name, ...columns].every(isName) || !parts.every(({ file }) => isPath(file)))
      throw new CommandFailed(`the backup is damaged: ${NAME} names what can't be`);
  if (!Object.keys(manifest.postgres.sequences).every(isName))
    throw new CommandFailed(`the backup is damaged: ${NAME} names what can't be`);
  return manifest;
}

/** All files of a backup. */
export const partsOf = ({ postgres, clickhouse }: Manifest): Part[] =>
  [...postgres.tables, ...clickhouse.tables].flatMap(({ parts }) => parts);

/** Whether a text can be put into SQL as the name of a table, a column or a sequence. */
export const isName = (text: string): boolean => /^[a-z_][a-z0-9_]{0,62}$/.test(text);

const isPath = (text: string): boolean => /^(postgres|clickhouse)\/[a-z0-9_-]+(\.[a-z0-9]+)+$/.test(text);
