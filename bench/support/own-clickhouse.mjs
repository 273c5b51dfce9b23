// How does a trial get a ClickHouse that it may break? The embedded one as a process of the trial's own, which nobody starts again but the trial.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { atEnd, ownFolder } from './clean.mjs';
import { endChild, killChild } from './end-child.mjs';
import { freePort, root } from './server.mjs';

const built = (path) => createRequire(import.meta.url)(join(root, 'dist', path));
const USER = 'millrace';
const PASSWORD = 'of-a-trial-only';
const START_LIMIT_MS = 90_000;
const PATIENCE_MS = 8_000;

/** A ClickHouse whose URL stays the same over its ends and starts, as do its data. */
export class OwnClickHouse {
  #child;

  static async start() {
    const store = new OwnClickHouse();
    store.folder = await ownFolder('clickhouse');
    store.port = await freePort();
    store.url = `http://${USER}:${PASSWORD}@127.0.0.1:${store.port}/default`;
    atEnd(() => store.#end());
    await store.boot();
    return store;
  }

  get pid() {
    return this.#child.pid;
  }

  /** Starts the process. @returns milliseconds until it answers */
  async boot() {
    const { clickhouseChildSpec } = built('embedded/clickhouse/launch.js');
    const startedAt = performance.now();
    const spec = clickhouseChildSpec({ dataDir: this.folder, port: this.port, user: USER, password: PASSWORD });
    const child = spawn(spec.command, spec.args, {
      env: { PATH: process.env.PATH, ...spec.env },
      cwd: this.folder,
      // A group of its own: Ctrl-C reaches the trial, which then ends this.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore', 'ipc'],
    });
    this.#child = child;
    child.stdin.on('error', () => undefined);
    child.stdin.write(spec.firstLine);
    const late = AbortSignal.timeout(START_LIMIT_MS);
    const [said] = await Promise.race([
      once(child, 'message', { signal: late }),
      once(child, 'exit').then(([code, signal]) => [{ error: `it ended (${code ?? signal})` }]),
    ]);
    if (said.ready !== true) throw new Error(`ClickHouse did not start: ${said.error}`);
    return performance.now() - startedAt;
  }

  /** kill -9, and waits for its end. */
  kill() {
    return killChild(this.#child);
  }

  /** It takes connections, and answers none: SIGSTOP. */
  pause() {
    this.#child.kill('SIGSTOP');
  }

  resume() {
    this.#child.kill('SIGCONT');
  }

  #end() {
    return endChild(this.#child, PATIENCE_MS, () => {
      this.resume();
      this.#child.stdin.end();
    });
  }
}
