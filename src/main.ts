// How does the server start, live and end? config -> stores -> app -> listen -> drain.
import 'reflect-metadata';
import type { ModuleMetadata } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { Worker } from 'node:worker_threads';
import { LocalAccess } from './auth/local-access';
import { InvalidEnv, readEnv, type Env, type StoreUrls } from './config/env';
import { compiled } from './config/paths';
import { Fatal } from './embedded/fatal';
import { removeRunFile, writeRunFile, type RunFile } from './embedded/run-file';
import { startEmbeddedStores } from './embedded/stores';
import { makeLogger } from './platform/logging/logger';

/** From the end of the drain delay: answers in flight, then the application, then the stores; ten seconds in all. */
const ANSWERS_MS = 4_500;
const STORES_MS = 3_000;
const IN_ALL_MS = 9_500;
/** New connections that may wait for a busy process; the system may allow fewer. One that finds no place here is not refused: its sender
 *  waits seconds before it asks again. */
const BACKLOG = 4_096;
/** Argument of whoever starts the server with a channel of messages, and wants it to end when that closes: with its own end, whatever ends it. */
const END_WITH_PARENT = '--end-with-parent';

/** Runs the server until it is told to end.
 *  @param imports modules of a team's own, beside the built-in ones */
export async function serve({ imports }: { imports?: NonNullable<ModuleMetadata['imports']> } = {}): Promise<void> {
  survivePipes();
  let env: Env;
  try {
    env = readEnv();
  } catch (error) {
    return fail(error, false);
  }
  const debug = env.LOG_LEVEL === 'debug' || env.LOG_LEVEL === 'trace';
  process.on('uncaughtException', (error) => fail(error, true));
  const log = makeLogger(env.LOG_LEVEL);
  const signalled = onSignals();
  // Told to end before it is up: there is nobody to serve, and the stores end with the process.
  let up = false;
  void signalled.then(() => up || process.exit(0));

  try {
    let onLaunched = (): void => undefined;
    const launched = new Promise<void>((resolve) => (onLaunched = resolve));
    const starting = startEmbeddedStores(env, log, (reason) => fail(reason, debug), onLaunched);
    // Loading the application keeps this process busy for about as long as the stores need to start, so it waits for their
    // processes to run, and no longer; a data directory that is in use is heard of before.
    await Promise.race([starting, launched]);
    const [stores, { buildApp }, { drain }, { Lifecycle }, { RootKey }] = await Promise.all([
      starting,
      import('./app.js'),
      import('./platform/http/drain.js'),
      import('./platform/http/lifecycle.js'),
      import('./auth/root-key.js'),
    ]);
    const local = new LocalAccess(randomBytes(32).toString('base64url'));
    const app = await buildApp({ env, urls: stores.urls, local, log, imports: imports ?? [] });
    const lifecycle = app.get(Lifecycle);
    await app.listen({ port: env.PORT, host: env.HOST, backlog: BACKLOG }).catch(cannotListen(env));
    lifecycle.ready();
    up = true;

    const url = urlOf(app.getHttpServer().address() as AddressInfo);
    stores.describe(url);
    const isApi = env.ROLES.includes('api');
    try {
      const run = { pid: process.pid, url, token: local.token, stores: embeddedUrls(env, stores.urls) };
      if (isApi) writeRunFile(stores.dataDir, run, stores.alone);
    } catch {
      log.warn({ folder: stores.dataDir }, 'run.json cannot be written, so commands on this machine need a key');
    }
    greet(url, isApi, app.get(RootKey).announce());

    const signal = await signalled;
    log.info({ signal }, 'draining');
    endAfter(env.DRAIN_DELAY_MS + IN_ALL_MS);
    await drain(app, lifecycle, log, { delayMs: env.DRAIN_DELAY_MS, graceMs: ANSWERS_MS });
    removeRunFile(stores.dataDir);
    await stores.close(STORES_MS);
    log.info('stopped');
    process.exit(0);
  } catch (error) {
    // At once, without closing what half stands: the stores notice the end of this process and stop cleanly by themselves.
    fail(error, debug);
  }
}

/** Settles with the first signal to end; a second one ends the process at once. The stores notice and end too. The end of a parent that
 *  asked for it counts as the first one, and as no second. */
const onSignals = (): Promise<string> =>
  new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve(signal);
      });
    // Not whenever there is a channel: a process manager that keeps one may be restarted without its servers.
    if (!process.argv.includes(END_WITH_PARENT)) return;
    const orphaned = (): void => {
      asked = true;
      resolve('end of the parent');
    };
    if (process.connected) process.once('disconnect', orphaned);
    else orphaned();
  });

/** Ends the process by force where it has not ended by then. From a thread of its own: a loop that is stuck runs no timers. */
function endAfter(ms: number): void {
  const script = `setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${ms})`;
  new Worker(script, { eval: true, stdin: false }).unref();
}

/** Where the stores are that the configuration does not name: of the others a command is told by the configuration. */
const embeddedUrls = (env: Env, urls: StoreUrls): NonNullable<RunFile['stores']> => ({
  postgres: env.DATABASE_URL === undefined ? urls.postgres : undefined,
  clickhouse: env.CLICKHOUSE_URL === undefined ? urls.clickhouse : undefined,
});

/** Says which variable to change: an address that is not this machine's is no matter of the port. */
const cannotListen =
  ({ HOST, PORT }: Env) =>
  (cause: NodeJS.ErrnoException): never => {
    const variable = cause.code === 'EADDRINUSE' || cause.code === 'EACCES' ? 'PORT' : 'HOST';
    throw new Fatal(
      `Can't listen on port ${PORT} of ${HOST} (${cause.code ?? cause.message}): choose another ${variable}.`,
      { cause },
    );
  };

/** One line that a person can act on, and the end. */
function fail(error: unknown, withStack: boolean): never {
  const message = error instanceof Error ? (withStack ? error.stack : error.message) : String(error);
  const known = error instanceof Fatal || error instanceof InvalidEnv;
  process.stderr.write(`${known && error instanceof Error ? error.message : `Millrace cannot go on: ${message}`}\n`);
  process.exit(1);
}

/** A reader of our output that goes away (`| head`) is no reason to end. */
function survivePipes(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
}

/** Where a client on this machine reaches the server. */
function urlOf({ address, port, family }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** @param isApi whether it serves more than probes and metrics
 *  @param rootKey the text of the root key, where this start made it: the only time that it is shown */
function greet(url: string, isApi: boolean, rootKey: string | undefined): void {
  if (rootKey !== undefined)
    process.stdout.write(
      `Root key, shown this once: ${rootKey}\nKeep it; it makes projects. (ROOT_API_KEY sets one of your own.)\n`,
    );
  process.stdout.write(
    isApi
      ? `Millrace is ready: API ${url}/api/v1, documentation ${url}/docs. First steps are in README.md.\n`
      : `Millrace is ready: a worker, probes ${url}/health/ready, metrics ${url}/metrics.\n`,
  );
}

/** Whether Node was told to run this very file. */
const isMain = (): boolean => {
  const [, script = ''] = process.argv;
  return [script, `${script}.js`].some((path) => {
    try {
      return realpathSync(path) === realpathSync(compiled('main.js'));
    } catch {
      return false;
    }
  });
};

if (isMain()) void serve();
