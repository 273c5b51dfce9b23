// How is the embedded Postgres made and started? As a server of its own from the packaged programs, on loopback, with full durability.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import type { Logger } from 'pino';
import { Fatal } from './fatal';
import { endLeftover, isAlive } from './leftover';
import { binariesIn, findPostgres, type PostgresBinaries } from './postgres-binaries';
import { canReach, postgresUser, type RunAs } from './postgres-user';
import { portIsFree } from './ports';
import { supervise, type RunningStore, type StoreEvents, type SupervisedStore } from './supervisor';

const USER = 'millrace';
const DATABASE = 'millrace';
const START_LIMIT_MS = 120_000;
/** TRICKY: what a URL does not say of a connection, node-postgres takes from the environment. Variables that are meant for some other
 *  database (PGSSLMODE=require, PGOPTIONS) would keep everybody from this one. `options` are each client's own. */
const HOW = 'sslmode=disable&sslnegotiation=postgres';

/** An embedded Postgres that runs. */
export interface EmbeddedPostgres extends SupervisedStore {
  /** URL of its database, with user and password; stays the same over restarts of the store. */
  readonly url: string;
}

/** Settings for a small machine. Nothing here trades safety for speed: an acknowledged commit is on disk. */
const settings = (port: number): string[] =>
  Object.entries({
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    // A process takes some thirty; several may share these stores.
    max_connections: 300,
    shared_buffers: '128MB',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_min_messages: 'warning',
    // Statements and their values stay out of the log, as they may be of a person.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

/** TRICKY: Postgres does not notice that its parent was killed. The shell holds one end of a pipe whose other end only the
 *  server has: however the server ends, the read returns and Postgres gets SIGINT, its "fast shutdown". When Postgres ends first,
 *  the shell ends with its code. */
const HOLD = `
"$@" 3<&- &
server=$!
( read -r _ <&3; kill -INT "$server" ) 2>/dev/null &
watcher=$!
wait "$server"
code=$?
kill "$watcher" 2>/dev/null
exit "$code"
`;

/** Starts Postgres on `folder`/postgres, making the data directory at the first time.
 *  Only for the holder of the folder's lock.
 *  @param folder the data directory of the instance; Postgres' user can reach it
 *  @param before the URL that it had, for those who know it; its port is taken again where it is free
 *  @throws Fatal where it is not installed, can't be made or does not start */
export async function startPostgres(
  folder: string,
  log: Logger,
  events: StoreEvents,
  before?: string,
): Promise<EmbeddedPostgres> {
  if (process.platform === 'win32') throw new Fatal('The embedded Postgres does not run on Windows: set DATABASE_URL.');
  const data = join(folder, 'postgres');
  const user = await postgresUser(data);
  const binaries = reachable(await findPostgres(), folder, user);
  const password = await initialise(binaries, folder, data, user, events);

  let port = 0;
  let url = '';
  const start = async (): Promise<RunningStore> => {
    await endPostmaster(data, log);
    const store = launch(binaries, data, port, user, log);
    events.launched();
    try {
      await untilReady(url, store.child, store.lastWords);
    } catch (error) {
      store.kill();
      throw error;
    }
    return { ...store, pid: postmasterPid(data) ?? store.pid };
  };
  const startOnFreePort = async (): Promise<RunningStore> => {
    if (port !== 0) return start();
    // Whoever had the port in this folder before is asked to leave it first.
    if (before !== undefined) await endPostmaster(data, log);
    const known = before === undefined ? 0 : Number(new URL(before).port);
    for (let attempt = 1; ; attempt += 1) {
      port = attempt === 1 && known !== 0 && (await portIsFree(known)) ? known : await freePort();
      url = `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}?${HOW}`;
      try {
        return await start();
      } catch (error) {
        // Somebody else may have taken the port between our look and Postgres' bind.
        if (attempt === 3) throw error;
      }
    }
  };
  const store = await supervise('Postgres', startOnFreePort, log, events);
  return {
    url,
    get pid() {
      return store.pid;
    },
    close: (withinMs) => store.close(withinMs),
  };
}

/** The process id in `postmaster.pid`, if there is one. */
function postmasterPid(data: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Ends a server of an earlier run: "fast shutdown", then "immediate", then by force. */
async function endPostmaster(data: string, log: Logger): Promise<void> {
  const signals = (['SIGINT', 'SIGQUIT', 'SIGKILL'] as const).map((signal) => ({ signal, waitMs: 5_000 }));
  const other = await endLeftover({ name: 'Postgres', pid: postmasterPid(data), folder: data, signals }, log);
  // TRICKY: a restarted container gives the same ids to other processes; Postgres would take such a one for a postmaster.
  if (other) rmSync(join(data, 'postmaster.pid'), { force: true });
}

/** As root: a copy of the programs that Postgres' user can reach, where the installed ones lie in a closed folder (/root). */
function reachable(binaries: PostgresBinaries, folder: string, user: RunAs | undefined): PostgresBinaries {
  if (user === undefined || canReach(user, binaries.root)) return binaries;
  const copy = join(folder, 'postgres-programs');
  if (!existsSync(copy)) {
    rmSync(`${copy}.new`, { recursive: true, force: true });
    cpSync(binaries.root, `${copy}.new`, { recursive: true, verbatimSymlinks: true });
    renameSync(`${copy}.new`, copy);
  }
  return binariesIn(copy);
}

/** Makes the data directory once; a cut-short attempt leaves none. @returns the password of this data directory */
async function initialise(
  binaries: PostgresBinaries,
  folder: string,
  data: string,
  user: RunAs | undefined,
  events: StoreEvents,
): Promise<string> {
  const secretFile = join(folder, 'postgres.secret');
  if (existsSync(data)) {
    try {
      return readFileSync(secretFile, 'utf8').trim();
    } catch (cause) {
      throw new Fatal(`${secretFile} can't be read, so the embedded Postgres in ${data} can't be opened.`, { cause });
    }
  }
  const password = randomBytes(24).toString('base64url');
  const fresh = `${data}.new`;
  const given = join(folder, 'postgres.given');
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  writeFileSync(given, password, { mode: 0o600 });
  if (user !== undefined) for (const path of [fresh, given]) chownSync(path, user.uid, user.gid);
  try {
    const options = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const args = ['-D', fresh, '-U', USER, '--auth=scram-sha-256', `--pwfile=${given}`, ...options];
    const done = promisify(execFile)(binaries.initdb, args, { ...user, cwd: fresh, env: plainEnv() });
    events.launched();
    await done;
  } catch (cause) {
    const lines = ((cause as { stderr?: string }).stderr ?? '').trim();
    throw new Fatal(`initdb failed for ${data}: ${lines.split('\n').at(-1) || (cause as Error).message}`, { cause });
  } finally {
    rmSync(given, { force: true });
  }
  writeFileSync(secretFile, `${password}\n`, { mode: 0o600 });
  renameSync(fresh, data);
  return password;
}

function launch(
  binaries: PostgresBinaries,
  data: string,
  port: number,
  user: RunAs | undefined,
  log: Logger,
): RunningStore & { lastWords: () => string } {
  const child = spawn('/bin/sh', ['-c', HOLD, 'postgres', binaries.postgres, '-D', data, ...settings(port)], {
    ...user,
    cwd: data,
    env: plainEnv(),
    // A session of its own: Ctrl-C in a terminal goes to the server alone, which stops the stores last.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-2_000);
    log.debug({ store: 'Postgres', said: text.trim() }, 'store output');
  });
  const held = child.stdio[3] as Duplex;
  held.on('error', () => held.destroy());
  return {
    child,
    pid: child.pid ?? 0,
    lastWords: () => words.trim().split('\n').at(-1) ?? '',
    stop: () => held.destroy(),
    kill: () => {
      held.destroy();
      const pid = postmasterPid(data);
      // SIGQUIT is Postgres' "immediate shutdown": it recovers at the next start.
      if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGQUIT');
    },
  };
}

/** Waits for the server to take connections, and makes our database at the first time.
 *  @throws Fatal where it ended or took too long */
async function untilReady(url: string, child: ChildProcess, lastWords: () => string): Promise<void> {
  const maintenance = new URL(url);
  maintenance.pathname = '/postgres';
  let failed: Error | undefined;
  child.once('error', (error) => (failed = error));
  for (const since = Date.now(); Date.now() - since < START_LIMIT_MS; await sleep(20)) {
    if (failed !== undefined || child.exitCode !== null || child.signalCode !== null)
      throw new Fatal(`The embedded Postgres did not start: ${failed?.message ?? lastWords()}`);
    const client = new Client({
      connectionString: maintenance.href,
      options: '-c TimeZone=UTC',
      connectionTimeoutMillis: 5_000,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
      if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
      return;
    } catch (error) {
      // 57P03: still starting. A wrong password never becomes right.
      if ((error as { code?: string }).code === '28P01')
        throw new Fatal('The embedded Postgres does not take the password in postgres.secret.', { cause: error });
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  throw new Fatal(`The embedded Postgres was not ready within ${START_LIMIT_MS / 1_000} s.`);
}

/** A port of loopback that was free just now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject()));
    });
  });

/** What the programs need of the environment, and nothing of ours: no secrets, no PG* variables. */
const plainEnv = (): NodeJS.ProcessEnv => ({ PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' });
