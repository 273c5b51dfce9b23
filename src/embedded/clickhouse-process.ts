// How is the embedded ClickHouse started and kept? As a process of its own, whose standard input tells it that the server is there.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { packageRoot } from '../config/paths';
import { clickhouseChildSpec, type ClickHouseChildMessage } from './clickhouse/launch';
import { Fatal } from './fatal';
import { endLeftover } from './leftover';
import { makeFolder } from './make-folder';
import { portIsFree } from './ports';
import { supervise, type RunningStore, type StoreEvents, type SupervisedStore } from './supervisor';

const USER = 'millrace';
/** The database that every ClickHouse has from its start. */
const DATABASE = 'default';
const START_LIMIT_MS = 60_000;
const MIB = 1_048_576;

/** An embedded ClickHouse that runs. */
export interface EmbeddedClickHouse extends SupervisedStore {
  /** URL of its database, with user and password; stays the same over restarts of the store. */
  readonly url: string;
}

/** Starts ClickHouse on `folder`/clickhouse, with a password made for this run. Only for the holder of the folder's lock.
 *  @param memoryMb ceiling of the engine; 0: what suits the machine
 *  @param before the URL that it had, for those who know it; its password is kept, and its port where that is free
 *  @throws Fatal where it is not installed or does not start */
export async function startClickHouse(
  folder: string,
  memoryMb: number,
  log: Logger,
  events: StoreEvents,
  before?: string,
): Promise<EmbeddedClickHouse> {
  checkInstalled();
  const data = join(folder, 'clickhouse');
  const pidFile = join(folder, 'clickhouse.pid');
  makeFolder(data, 0o700);
  const known = before === undefined ? undefined : new URL(before);
  const password = known?.password ?? randomBytes(24).toString('base64url');
  let url = new URL('http://127.0.0.1');
  if (known !== undefined) {
    await endEarlier(data, pidFile, log);
    if (await portIsFree(Number(known.port))) url.port = known.port;
  }
  const start = async (): Promise<RunningStore> => {
    await endEarlier(data, pidFile, log);
    const port = Number(url.port);
    const limits = memoryMb === 0 ? {} : { limits: { memoryBytes: memoryMb * MIB } };
    const store = launch({ dataDir: data, port, user: USER, password, ...limits }, data, log);
    writeFileSync(pidFile, `${store.pid}\n`);
    events.launched();
    try {
      url = new URL(await store.ready);
    } catch (error) {
      store.kill();
      throw error;
    }
    return store;
  };
  const store = await supervise('ClickHouse', start, log, events);
  url.username = USER;
  url.password = password;
  url.pathname = `/${DATABASE}`;
  return {
    url: url.href,
    get pid() {
      return store.pid;
    },
    close: async (withinMs) => {
      await store.close(withinMs);
      rmSync(pidFile, { force: true });
    },
  };
}

function checkInstalled(): void {
  try {
    createRequire(join(packageRoot, 'package.json')).resolve('chdb');
  } catch (cause) {
    throw new Fatal(
      'The embedded ClickHouse is not installed: package chdb is missing. Run "npm install" without --omit=optional, or set CLICKHOUSE_URL.',
      { cause },
    );
  }
}

/** Ends a process of an earlier run; what it had acknowledged is on disk. */
async function endEarlier(data: string, pidFile: string, log: Logger): Promise<void> {
  let pid: number | undefined;
  try {
    pid = Number(readFileSync(pidFile, 'utf8'));
  } catch {
    return;
  }
  const signals = [
    { signal: 'SIGTERM', waitMs: 2_000 },
    { signal: 'SIGKILL', waitMs: 5_000 },
  ] as const;
  await endLeftover({ name: 'ClickHouse', pid: pid > 1 ? pid : undefined, folder: data, signals }, log);
}

function launch(
  options: Parameters<typeof clickhouseChildSpec>[0],
  cwd: string,
  log: Logger,
): RunningStore & { ready: Promise<string> } {
  const spec = clickhouseChildSpec(options);
  const child = spawn(spec.command, spec.args, {
    cwd,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...spec.env },
    // A session of its own: Ctrl-C in a terminal goes to the server alone, which stops the stores last.
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe', 'ipc'],
  });
  let lastWords = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lastWords = text.trim().split('\n').at(-1) ?? '';
    log.debug({ store: 'ClickHouse', said: text.trim() }, 'store output');
  });
  child.stdin?.on('error', () => undefined);
  child.stdin?.write(spec.firstLine);
  const ready = new Promise<string>((resolve, reject) => {
    const fail = (reason: string): void => reject(new Fatal(`The embedded ClickHouse did not start: ${reason}`));
    const limit = setTimeout(() => fail(`not ready within ${START_LIMIT_MS / 1_000} s`), START_LIMIT_MS);
    child.once('message', (message: ClickHouseChildMessage) =>
      'ready' in message ? resolve(message.url) : fail(message.error),
    );
    child.once('error', (error) => fail(error.message));
    void once(child, 'exit').then(
      () => fail(lastWords === '' ? 'it ended' : lastWords),
      () => undefined,
    );
    const done = (): void => clearTimeout(limit);
    child.once('message', done).once('exit', done);
  });
  return {
    child,
    pid: child.pid ?? 0,
    ready,
    stop: () => child.stdin?.end(),
    kill: () => child.kill('SIGKILL'),
  };
}
