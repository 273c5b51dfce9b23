// How does a command on this machine find the running server? By a file in the data directory that only its owner can read.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Env } from '../config/env';
import { fallbackFor } from './data-dir';
import { isAlive } from './leftover';

/** The running server, for commands of the same user on the same machine. */
export interface RunFile {
  readonly pid: number;
  /** Where its API is, e.g. http://127.0.0.1:3000 */
  readonly url: string;
  /** Acts as a root key for the length of this run. */
  readonly token: string;
}

const pathIn = (folder: string): string => join(folder, 'run.json');

const parse = (folder: string): RunFile | undefined => {
  try {
    return JSON.parse(readFileSync(pathIn(folder), 'utf8')) as RunFile;
  } catch {
    return undefined;
  }
};

/** Writes the file, readable by its owner alone. @throws where the folder can't be written */
export function writeRunFile(folder: string, run: RunFile): void {
  const fresh = `${pathIn(folder)}.${run.pid}`;
  writeFileSync(fresh, `${JSON.stringify(run)}\n`, { mode: 0o600 });
  renameSync(fresh, pathIn(folder));
}

/** Removes the file, unless another run has written it since. */
export function removeRunFile(folder: string): void {
  if (parse(folder)?.pid === process.pid) rmSync(pathIn(folder), { force: true });
}

/** The server that runs on DATA_DIR, wherever its data lies. @returns undefined where none does */
export function readRunFile(env: Pick<Env, 'DATA_DIR'>): RunFile | undefined {
  const wanted = resolve(env.DATA_DIR);
  return [wanted, fallbackFor(wanted)].map(parse).find((run) => run !== undefined && isAlive(run.pid));
}
