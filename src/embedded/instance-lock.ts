// Is another instance using this data directory? A listening socket in it answers: it ends with its process, whatever ends that.
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fatal } from './fatal';

/** The right to use a data directory, held by one process. */
export interface InstanceLock {
  /** What the next instance is told about this one. */
  describe(url: string): void;
  release(): Promise<void>;
}

/** Longest path that a unix socket takes everywhere (macOS: 104 bytes with the end mark). */
const LONGEST_PATH = 100;
const ANSWER_WITHIN_MS = 1_000;

const socketPath = (folder: string): string => {
  const path = join(folder, 'lock.sock');
  if (Buffer.byteLength(path) <= LONGEST_PATH) return path;
  return join(tmpdir(), `millrace-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}.sock`);
};

interface Holder {
  pid: number;
  url?: string;
  nonce: string;
}

/** Takes the lock of a data directory.
 *  @param folder absolute path of the data directory; it exists
 *  @throws Fatal where another instance holds it, with its pid and URL */
export async function lockInstance(folder: string): Promise<InstanceLock> {
  const path = socketPath(folder);
  const me: Holder = { pid: process.pid, nonce: `${process.pid}.${Date.now()}.${Math.random()}` };
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const server = await tryListen(path, () => JSON.stringify(me));
    if (server !== undefined) {
      // TRICKY: two that found the same dead socket at once may both have replaced it; only the last one is reached by its path.
      if (attempt > 0) await sleep(60);
      const reached = attempt === 0 ? me : await ask(path);
      if (typeof reached === 'object' && reached.nonce === me.nonce) return toLock(server, me);
      await close(server);
      throw inUse(folder, reached);
    }
    // A socket between bind and listen refuses too, so a refusal counts when it is there twice.
    let answer = await ask(path);
    if (answer === 'refused') {
      await sleep(50);
      answer = await ask(path);
    }
    if (answer !== 'refused') throw inUse(folder, answer);
    rmSync(path, { force: true });
  }
  throw inUse(folder, 'silent');
}

const inUse = (folder: string, holder: Holder | 'refused' | 'silent'): Fatal =>
  new Fatal(
    `Another Millrace uses ${folder}${
      typeof holder === 'object' ? ` (pid ${holder.pid}${holder.url === undefined ? '' : `, ${holder.url}`})` : ''
    }: stop it, or choose another DATA_DIR.`,
  );

const toLock = (server: Server, me: Holder): InstanceLock => ({
  describe: (url) => {
    me.url = url;
  },
  release: () => close(server),
});

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));

/** @returns undefined where something is at that path already */
const tryListen = (path: string, answer: () => string): Promise<Server | undefined> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(answer());
    });
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE'
        ? resolve(undefined)
        : reject(new Fatal(`Can't lock the data directory: ${path} (${error.code}).`, { cause: error })),
    );
    server.listen(path, () => {
      // The lock does not keep a process alive that has nothing else to do.
      server.unref();
      resolve(server);
    });
  });

/** Asks who is behind a socket: `refused` where nobody listens, `silent` where somebody does but says nothing. */
const ask = (path: string): Promise<Holder | 'refused' | 'silent'> =>
  new Promise((resolve) => {
    let text = '';
    const socket = createConnection(path);
    socket.setTimeout(ANSWER_WITHIN_MS, () => {
      socket.destroy();
      resolve('silent');
    });
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => (text += piece));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? 'refused' : 'silent'),
    );
    socket.once('end', () => {
      try {
        resolve(JSON.parse(text) as Holder);
      } catch {
        resolve('silent');
      }
    });
  });
