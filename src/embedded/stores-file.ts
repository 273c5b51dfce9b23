// Where are the stores that several processes share? In a file of the data directory that only its owner can read.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Shared stores that run, or ran until their keeper was killed. */
export interface StoresFile {
  /** Their keeper. */
  readonly pid: number;
  /** URLs with user and password; not there where the store is somebody else's. */
  readonly postgres?: string;
  readonly clickhouse?: string;
}

const pathIn = (folder: string): string => join(folder, 'stores.json');

/** @returns undefined where no stores are shared in this folder */
export function readStoresFile(folder: string): StoresFile | undefined {
  try {
    return JSON.parse(readFileSync(pathIn(folder), 'utf8')) as StoresFile;
  } catch {
    return undefined;
  }
}

/** Writes the file, readable by its owner alone. @throws where the folder can't be written */
export function writeStoresFile(folder: string, stores: StoresFile): void {
  const fresh = `${pathIn(folder)}.${stores.pid}`;
  writeFileSync(fresh, `${JSON.stringify(stores)}\n`, { mode: 0o600 });
  renameSync(fresh, pathIn(folder));
}

/** For the keeper that ends its stores: the next one need not bring them back where they were. */
export function removeStoresFile(folder: string): void {
  rmSync(pathIn(folder), { force: true });
}
