// What is the embedded ClickHouse? An HTTP server over the engine in this process, used like any ClickHouse server.
import { existsSync, mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../make-folder';
import { Answer } from './answer';
import { authenticate } from './auth';
import { bodyOf } from './body';
import type { Body } from './body';
import { Engine } from './engine';
import { fromEngine } from './errors';
import { engineArgs, sessionArgs } from './limits';
import type { EngineLimits } from './limits';
import { Scratch } from './pipes';
import { serveQuery } from './query';
import type { Rooms } from './query';
import { parseRequest, readForm } from './request';
import { RunningQueries } from './running';
import { Sessions } from './sessions';
import { Slots } from './slots';

/** How to serve. */
export interface ClickHouseServerOptions {
  readonly dataDir: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** Default `default`. */
  readonly user?: string;
  readonly password: string;
  readonly limits?: EngineLimits;
  /** Statements that run at once; inserts have places of their own. Each takes a thread: see `threadsFor` in launch.ts. */
  readonly sessions?: { readonly queries?: number; readonly inserts?: number };
  /** Whether statements may reach files, programs and the network. Default false. */
  readonly outside?: boolean;
}

/** A server that answers. */
export interface ClickHouseServer {
  readonly url: string;
  /** Takes no more requests, lets what runs finish for `graceMs`, stops the rest, closes the engine. */
  close(graceMs?: number): Promise<void>;
}

/** A URL holds a query as long as ClickHouse takes it. */
const MOST_URL_BYTES = 1024 * 1024;

/** The default of `sessions`: charts and downloads of a server with its own defaults, and room for look-ups and work behind them. */
export const DEFAULT_SESSIONS = { queries: Math.max(16, 4 * availableParallelism() + 8), inserts: 4 } as const;

/** Opens the engine and serves it.
 *  @throws EngineStartError; the error of `listen` */
export async function startClickHouseServer(options: ClickHouseServerOptions): Promise<ClickHouseServer> {
  const dataDir = resolve(options.dataDir);
  makeFolder(dataDir, 0o700);
  const engine = await Engine.open(dataDir, engineArgs(options.limits), sessionArgs);
  const places = { ...DEFAULT_SESSIONS, ...options.sessions };
  const rooms: Rooms = {
    engine,
    scratch: scratchFor(dataDir, places.queries),
    sessions: new Sessions(engine),
    running: new RunningQueries(engine),
    slots: { queries: new Slots(places.queries), inserts: new Slots(places.inserts) },
    outside: options.outside ?? false,
  };
  const server = createServer({ maxHeaderSize: MOST_URL_BYTES, requestTimeout: 0, keepAliveTimeout: 30_000 });
  server.on('request', (request, response) => void serve(request, response, options, rooms));
  try {
    const url = await listen(server, options.host ?? '127.0.0.1', options.port ?? 0);
    let closing: Promise<void> | undefined;
    return { url, close: (graceMs = 5_000) => (closing ??= close(server, rooms, graceMs)) };
  } catch (error) {
    engine.close();
    rooms.scratch.remove();
    throw error;
  }
}

/** Beside the data, so that large bodies lie on the same disk; elsewhere where the path would be read as a pattern or can't hold pipes. */
function scratchFor(dataDir: string, pipes: number): Scratch {
  const folder = join(dataDir, 'http');
  if (!/[*?{}]/.test(folder)) {
    try {
      return Scratch.create(folder, pipes);
    } catch {
      if (!existsSync(tmpdir())) throw new Error(`No named pipes can be made in ${folder}.`);
    }
  }
  return Scratch.create(join(mkdtempSync(join(tmpdir(), 'clickhouse-')), 'http'), pipes);
}

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address() as AddressInfo;
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${address.port}`);
    });
  });
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: ClickHouseServerOptions,
  rooms: Rooms,
): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0];
  if (path === '/ping' || path === '/replicas_status') {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=UTF-8' }).end('Ok.\n');
    return;
  }
  if (path !== '/') {
    response.writeHead(404, { 'Content-Type': 'text/plain; charset=UTF-8' }).end(`There is no handle ${path}\n`);
    return;
  }
  let answer = new Answer(request, response, rooms.engine.version, undefined);
  const left = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) left.abort();
  });
  try {
    const wanted = parseRequest(request);
    authenticate({ user: options.user ?? 'default', password: options.password }, wanted);
    answer = new Answer(request, response, rooms.engine.version, wanted.queryId);
    const body: Body = bodyOf(request);
    await readForm(wanted, request.headers['content-type'], body);
    if (wanted.query === undefined && wanted.method !== 'POST') {
      response.writeHead(200, { 'Content-Type': 'text/plain; charset=UTF-8' }).end('Ok.\n');
      return;
    }
    await serveQuery(wanted, body, answer, left.signal, rooms);
  } catch (error) {
    if (!left.signal.aborted) answer.fail(fromEngine(error));
  }
}

async function close(server: Server, rooms: Rooms, graceMs: number): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const deadline = performance.now() + graceMs;
  while (rooms.running.count > 0 && performance.now() < deadline) await sleep(20);
  // A statement that does not let itself be stopped must not keep the process for ever.
  await Promise.race([rooms.running.stopAll(), sleep(2_000)]);
  await sleep(20);
  server.closeAllConnections();
  await closed;
  rooms.sessions.close();
  rooms.running.close();
  if (rooms.running.count === 0) rooms.engine.close();
  rooms.scratch.remove();
}
