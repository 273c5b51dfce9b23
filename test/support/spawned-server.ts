// How does a test get a server that it can kill? `node dist/main.js` as anybody runs it, in a folder of its own.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compiled } from '../../src/config/paths';
import { freePort } from '../../src/embedded/postgres';

/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A run of the server's program, whether or not it comes up. */
export interface Run {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly exit: Promise<Exit>;
  stdout(): string;
  stderr(): string;
}

/** A server of its own process that is up. */
export interface SpawnedServer {
  readonly url: string;
  readonly rootKey: string;
  readonly dataDir: string;
  readonly pid: number;
  /** The current run; another one after `restart`. */
  readonly run: Run;
  /** Sends a signal (default SIGKILL) and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** Starts it again on the same data and port; ends it by kill -9 first where it still runs. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

export interface SpawnOptions {
  env?: Record<string, string>;
  /** Script to run instead of dist/main.js. */
  script?: string;
}

const running = new Set<ChildProcess>();
// A test that fails half-way must not leave a server behind, nor keep jest from ending.
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** Runs the program with exactly these variables. */
export function runServer(env: Record<string, string>, script = compiled('main.js')): Run {
  const child = spawn(process.execPath, [script], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  return {
    pid: child.pid ?? 0,
    child,
    exit: once(child, 'close').then(([code, signal]) => ({ code, signal })),
    stdout: () => out,
    stderr: () => err,
  };
}

/** Waits until a run says that it is ready. @throws with its output where it ends or takes more than two minutes */
export async function untilReady(run: Run): Promise<void> {
  for (let waited = 0; waited < 120_000; waited += 20) {
    if (run.stdout().includes('Millrace is ready')) return;
    if (run.child.exitCode !== null || run.child.signalCode !== null) break;
    await sleep(20);
  }
  throw new Error(`The server did not come up:\n${run.stdout()}\n${run.stderr()}`);
}

/** Starts a server with embedded stores in a temporary folder, on a free port that it keeps over restarts. */
export async function spawnServer({ env = {}, script }: SpawnOptions = {}): Promise<SpawnedServer> {
  const dataDir = env['DATA_DIR'] ?? mkdtempSync(join(tmpdir(), `millrace-test-${process.pid}-`));
  const rootKey = env['ROOT_API_KEY'] ?? randomBytes(24).toString('base64url');
  const port = env['PORT'] ?? String(await freePort());
  const variables = {
    HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
    ...env,
    DATA_DIR: dataDir,
    PORT: port,
    ROOT_API_KEY: rootKey,
  };
  const start = async (): Promise<Run> => {
    const started = runServer(variables, script);
    await untilReady(started);
    return started;
  };
  let run = await start();
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> => {
    run.child.kill(signal);
    return run.exit;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    rootKey,
    dataDir,
    get pid() {
      return run.pid;
    },
    get run() {
      return run;
    },
    kill,
    restart: async () => {
      await kill();
      run = await start();
    },
    close: async () => {
      await kill('SIGTERM');
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
