// How does a command on this machine find the running server? By a file in the data directory that only its owner can read.
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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
  /** URLs of the stores that are embedded, for commands that copy them. */
  readonly stores?: { readonly postgres?: string | undefined; readonly clickhouse?: string | undefined };
}

/** `run.json` is of a server that has the folder for itself; one that shares it writes a file of its own. */
const OURS = /^run(?:\.\d+)?\.json$/;

const parse = (path: string): RunFile | undefined => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as RunFile;
  } catch {
    return undefined;
  }
};

/** Every file of a folder, `run.json` first. */
function runsIn(folder: string): { path: string; run: RunFile }[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => OURS.test(name));
  } catch {
    return [];
  }
  const paths = names.sort((a, b) => a.length - b.length || (a < b ? -1 : 1)).map((name) => join(folder, name));
  return paths.flatMap((path) => {
    const run = parse(path);
    return run === undefined ? [] : [{ path, run }];
  });
}

/** Writes the file, readable by its owner alone, and removes those of servers that were killed.
 *  @param alone whether no other server can run on this folder
 *  @throws where the folder can't be written */
export function writeRunFile(folder: string, run: RunFile, alone = true): void {
  const path = join(folder, alone ? 'run.json' : `run.${run.pid}.json`);
  writeFileSync(`${path}.new`, `${JSON.stringify(run)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  for (const one of runsIn(folder)) if (!isAlive(one.run.pid)) rmSync(one.path, { force: true });
}

/** Removes this process's file, and those of servers that were killed. */
export function removeRunFile(folder: string): void {
  for (const { path, run } of runsIn(folder))
    if (run.pid === process.pid || !isAlive(run.pid)) rmSync(path, { force: true });
}

/** A server that runs on DATA_DIR, wherever its data lies. @returns undefined where none does */
export function readRunFile(env: Pick<Env, 'DATA_DIR'>): RunFile | undefined {
  const wanted = resolve(env.DATA_DIR);
  return [wanted, fallbackFor(wanted)].flatMap(runsIn).find(({ run }) => isAlive(run.pid))?.run;
}
