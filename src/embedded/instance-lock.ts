// Is another instance using this data directory? A listening socket in it answers: it ends with its process, whatever ends that.
import { rmSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fatal } from './fatal';
import { nameOfFolder, socketPath } from './local-socket';

/** The right to use a data directory, held by one process. */
export interface InstanceLock {
  /** What the next instance is told about this one. */
  describe(url: string): void;
  release(): Promise<void>;
}

/** Who holds a data directory. */
export interface Holder {
  readonly pid: number;
  readonly url?: string;
  /** It keeps the stores for others to share, and serves nothing itself. */
  readonly keeper?: true;
}

interface Me extends Holder {
  url?: string;
  nonce: string;
}

/** Another process holds the data directory. */
export class InUse extends Fatal {
  constructor(
    folder: string,
    readonly holder: Holder | undefined,
  ) {
    super(inWords(folder, holder));
  }
}

const inWords = (folder: string, holder: Holder | undefined): string => {
  if (holder?.keeper === true)
    return `The embedded stores in ${folder} are shared by other processes (their keeper is pid ${holder.pid}): set EMBEDDED_STORES=shared, or choose another DATA_DIR.`;
  const who = holder === undefined ? '' : ` (pid ${holder.pid}${holder.url === undefined ? '' : `, ${holder.url}`})`;
  return `Another Millrace uses ${folder}${who}: stop it, or choose another DATA_DIR.`;
};

const ANSWER_WITHIN_MS = 1_000;
/** Of several that find a dead socket one takes its place, and the others wait for it. */
const TAKEOVER_MS = 4_000;

type Answer = Me | 'refused' | 'silent';

/** Takes the lock of a data directory.
 *  @param folder absolute path of the data directory; it exists
 *  @throws InUse where another instance holds it, with its pid and URL */
export async function lockInstance(folder: string, { keeper }: { keeper?: true } = {}): Promise<InstanceLock> {
  const path = socketPath(folder, 'lock');
  const nonce = `${process.pid}.${Date.now()}.${Math.random()}`;
  const me: Me = { pid: process.pid, nonce, ...(keeper === undefined ? {} : { keeper }) };
  const text = (): string => JSON.stringify(me);
  for (const since = Date.now(); Date.now() - since < TAKEOVER_MS;) {
    const server = await tryListen(path, text);
    if (server !== undefined) return toLock(server, me);
    const answer = await askTwice(path);
    if (answer !== 'refused') throw new InUse(folder, toHolder(answer));
    const taken = await takeOver(folder, path, text);
    if (taken !== undefined) return toLock(taken, me);
    await sleep(20);
  }
  throw new InUse(folder, undefined);
}

/** Who holds a data directory now. @returns undefined where nobody does; `silent` where somebody does who does not answer */
export async function holderOf(folder: string): Promise<Holder | 'silent' | undefined> {
  const answer = await askTwice(socketPath(folder, 'lock'));
  return answer === 'refused' ? undefined : answer;
}

const toHolder = (answer: Me | 'silent'): Holder | undefined => (answer === 'silent' ? undefined : answer);

/** Replaces a socket that nobody listens on any more. One process at a time: a second one that had found it dead too would remove
 *  the socket of the first, and both would hold the lock.
 *  @returns undefined where another process was quicker, or is at it */
async function takeOver(folder: string, path: string, text: () => string): Promise<Server | undefined> {
  const guard = await takeoverGuard(folder);
  if (guard === undefined) return undefined;
  try {
    if ((await ask(path)) !== 'refused') return undefined;
    rmSync(path, { force: true });
    const server = await tryListen(path, text);
    if (server === undefined || guard !== 'none') return server;
    // Without a guard both may have replaced it; only the last one is reached by its path.
    await sleep(60);
    const reached = await ask(path);
    if (typeof reached === 'object' && reached.nonce === (JSON.parse(text()) as Me).nonce) return server;
    await close(server);
    return undefined;
  } finally {
    if (guard !== 'none') await close(guard);
  }
}

/** TRICKY: a socket without a file, which only Linux has: the system forgets it with its process, so it can't be left behind dead.
 *  @returns undefined where another process has it; `none` where there is no such thing */
const takeoverGuard = async (folder: string): Promise<Server | 'none' | undefined> =>
  process.platform === 'linux' ? tryListen(`\0millrace-${nameOfFolder(folder)}`, () => '') : 'none';

const toLock = (server: Server, me: Me): InstanceLock => ({
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
        : reject(
            new Fatal(
              `Can't lock the data directory with ${path} (${error.code}): make it writable, or choose another DATA_DIR.`,
              { cause: error },
            ),
          ),
    );
    server.listen(path, () => {
      // The lock does not keep a process alive that has nothing else to do.
      server.unref();
      resolve(server);
    });
  });

/** A socket between bind and listen refuses too, so a refusal counts when it is there twice. */
const askTwice = async (path: string): Promise<Answer> => {
  const answer = await ask(path);
  if (answer !== 'refused') return answer;
  await sleep(50);
  return ask(path);
};

/** Asks who is behind a socket: `refused` where nobody listens, `silent` where somebody does but says nothing. */
const ask = (path: string): Promise<Answer> =>
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
        resolve(JSON.parse(text) as Me);
      } catch {
        resolve('silent');
      }
    });
  });
