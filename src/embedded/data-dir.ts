// Where does the data of the embedded stores lie? In DATA_DIR, or in a folder that works where DATA_DIR can't.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Env } from '../config/env';
import { Fatal } from './fatal';
import { makeFolder } from './make-folder';
import { canReach, isRoot, postgresUser } from './postgres-user';

/** The data directory as it is used. */
export interface DataDir {
  /** Absolute. */
  readonly path: string;
  /** DATA_DIR as configured, absolute, where `path` is another one. */
  readonly insteadOf?: string;
}

/** Where a data directory goes that the user of Postgres can't reach. The same for the same DATA_DIR, so the next start finds it. */
export const fallbackFor = (path: string, base = '/var/lib/millrace'): string =>
  join(base, createHash('sha256').update(path).digest('hex').slice(0, 12));

const holdsData = (path: string): boolean => existsSync(join(path, 'postgres')) || existsSync(join(path, 'clickhouse'));

/** Whether stores were ever made in the data directory, wherever its data lies. */
export const holdsStores = ({ DATA_DIR }: Pick<Env, 'DATA_DIR'>): boolean =>
  [resolve(DATA_DIR), fallbackFor(resolve(DATA_DIR))].some(holdsData);

/** Finds the data directory, and makes it.
 *  As root Postgres runs as another user: DATA_DIR itself is opened for passing through, but folders above it are not ours to change;
 *  where one of them is closed, everything moves to a folder under /var/lib/millrace.
 *  @throws Fatal where neither can be made or reached */
export async function resolveDataDir(env: Pick<Env, 'DATA_DIR' | 'DATABASE_URL'>): Promise<DataDir> {
  const wanted = resolve(env.DATA_DIR);
  const fallback = fallbackFor(wanted);
  // Once moved, it stays there: data must not seem lost because a folder above was opened meanwhile.
  if (isRoot() && !holdsData(wanted) && holdsData(fallback)) return { path: fallback, insteadOf: wanted };
  make(wanted, 'DATA_DIR');
  if (!isRoot() || env.DATABASE_URL !== undefined) return { path: wanted };

  const user = await postgresUser(join(wanted, 'postgres'));
  if (user === undefined) return { path: wanted };
  open(wanted);
  if (canReach(user, wanted)) return { path: wanted };
  if (holdsData(wanted))
    throw new Fatal(
      `DATA_DIR ${wanted} holds data, but the user of Postgres (uid ${user.uid}) can't reach it: open the folders above it, or set DATABASE_URL.`,
    );
  make(fallback, 'the folder instead of DATA_DIR');
  open(fallback);
  if (!canReach(user, fallback))
    throw new Fatal(
      `The user of Postgres (uid ${user.uid}) can reach neither DATA_DIR ${wanted} nor ${fallback}: choose another DATA_DIR, or set DATABASE_URL.`,
    );
  return { path: fallback, insteadOf: wanted };
}

function make(path: string, what: string): void {
  try {
    makeFolder(path, 0o711);
  } catch (cause) {
    throw new Fatal(`Can't make ${what} ${path} (${(cause as NodeJS.ErrnoException).code}): choose another DATA_DIR.`, {
      cause,
    });
  }
}

/** Lets others pass through (not list) a folder of ours. */
function open(path: string): void {
  const { mode } = statSync(path);
  if ((mode & 0o001) === 0) chmodSync(path, (mode & 0o777) | 0o011);
}
