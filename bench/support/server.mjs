// How does a measurement get a server? The one that people run, `node dist/main.js`, with a data directory and a port of its own.
import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { atEnd, ownFolder } from './clean.mjs';
import { endChild, hasEnded, killChild } from './end-child.mjs';

/** What a server that is told to end gets for it. */
const PATIENCE_MS = 12_000;

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A port that nobody listens on.
 *  TRICKY: below those that the system gives to whoever asks for any: one of these may be somebody's by the time the server is there, or is
 *  started again. */
export async function freePort() {
  for (;;) {
    const server = createServer().listen(randomInt(12_000, 32_000), '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      continue;
    }
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** A server that can be killed and started again on the same data and port. */
export class Server {
  #child;
  #said = '';
  /** Whether it ends when this program does, be it by kill -9. */
  endsWithUs = false;

  /** @param env variables beside those of a measurement @param folder its data directory, which stays; none: one that goes at the end
   *  @param script what is run, instead of the server itself */
  static async start(env = {}, folder, script = join(root, 'dist', 'main.js')) {
    const server = new Server();
    server.script = script;
    server.folder = folder ?? (await ownFolder('bench'));
    server.port = await freePort();
    server.url = `http://127.0.0.1:${server.port}`;
    server.rootKey = randomBytes(24).toString('base64url');
    server.env = {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      LOG_LEVEL: 'warn',
      // What is measured is the server, not its patience with one client.
      RATE_LIMIT_REQUESTS: '100000000',
      ...env,
      PORT: String(server.port),
      DATA_DIR: server.folder,
      ROOT_API_KEY: server.rootKey,
    };
    atEnd(() => server.stop());
    await server.boot();
    return server;
  }

  get pid() {
    return this.#child.pid;
  }

  /** Starts the process. @returns milliseconds until it was ready */
  async boot() {
    const startedAt = performance.now();
    this.#said = '';
    // A group of its own, so that Ctrl-C reaches this program alone, which then ends the server.
    const child = spawn(process.execPath, [this.script, ...(this.endsWithUs ? ['--end-with-parent'] : [])], {
      env: this.env,
      // By the channel it hears of our end, whatever ends us.
      stdio: ['ignore', 'pipe', 'pipe', ...(this.endsWithUs ? ['ipc'] : [])],
      detached: true,
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        this.#said = (this.#said + text).slice(-20_000);
        this.onSaid?.(text);
      });
    for (;;) {
      if (hasEnded(child))
        throw new Error(`the server ended (${child.exitCode ?? child.signalCode}) while it started:\n${this.#said}`);
      if (await this.isReady()) return performance.now() - startedAt;
      if (performance.now() - startedAt > 90_000) throw new Error(`the server did not become ready:\n${this.#said}`);
      await sleep(10);
    }
  }

  async isReady() {
    try {
      const answer = await fetch(`${this.url}/health/ready`, { signal: AbortSignal.timeout(5_000) });
      await answer.text();
      return answer.ok;
    } catch {
      return false;
    }
  }

  /** What it wrote last. */
  get said() {
    return this.#said;
  }

  get isRunning() {
    return !hasEnded(this.#child);
  }

  /** How it ended; null while it runs, and where a signal ended it. */
  get exitCode() {
    return this.#child.exitCode;
  }

  /** kill -9, and waits for the end of this process; its children notice by themselves. */
  kill() {
    return killChild(this.#child);
  }

  stop() {
    return endChild(this.#child, PATIENCE_MS, () => this.#child.kill('SIGTERM'));
  }

  /** Asks the API; the root key, unless another one is given. */
  async ask(method, path, { body, project, key = this.rootKey } = {}) {
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        'x-api-key': key,
        ...(project === undefined ? {} : { 'x-project-id': project }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** A new project with its keys. @returns {Promise<{ id: string, sec: string, pub: string }>} */
  async project(name, wish = {}) {
    const { project, keys } = await this.ask('POST', '/projects', { body: { name, ...wish } });
    const text = (key) => (typeof key === 'string' ? key : key.key);
    return { id: project.id, sec: text(keys.sec), pub: text(keys.pub) };
  }

  /** Rows that the project holds, as the API counts them. */
  async stored(project) {
    let events = 0;
    let cursor = null;
    do {
      const next = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const { data, page } = await this.ask('GET', `/events/summary?period=all&limit=1000${next}`, { project });
      for (const row of data) events += row.events;
      cursor = page.next;
    } while (cursor !== null);
    return events;
  }
}
