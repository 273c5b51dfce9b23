// How does a process come by stores that it shares? From their keeper, which it starts where there is none, and again where it is gone.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { compiled } from '../config/paths';
import type { EngineEvents, EngineWish } from './engines';
import { Fatal } from './fatal';
import { holderOf, InUse } from './instance-lock';
import { hear, KEEPER_SOCKET, NOT_NEEDED_EXIT_CODE, say, type FromKeeper, type KeeperOrder } from './keeper-words';
import { socketPath } from './local-socket';
import { readStoresFile, type StoresFile } from './stores-file';

/** The right to use shared stores, until this process ends or gives it back. */
export interface Lease {
  readonly stores: StoresFile;
  /** The stores go on for others, and for those who come back soon. */
  end(): void;
}

/** How long stores go on with nobody to use them: a restart, one process after the other, finds them running. */
const LINGER_MS = 30_000;
const START_LIMIT_MS = 180_000;
/** A keeper says at once who it is; one that does not is hung. */
const GREETING_LIMIT_MS = 20_000;
const LEAVE_LIMIT_MS = 15_000;
const MOST_FAILURES = 3;
const MOST_LOG_BYTES = 5_000_000;

/** Gets the stores of a data directory, and holds them.
 *  @param events `gaveUp`: they fail for good, or came back where this process can't find them
 *  @throws Fatal where the folder is used by a process alone, or where the stores don't start */
export async function leaseStores(
  folder: string,
  wish: EngineWish,
  log: Logger,
  events: EngineEvents,
  lingerMs = LINGER_MS,
): Promise<Lease> {
  const order: KeeperOrder = {
    folder,
    postgres: wish.postgres,
    clickhouse: wish.clickhouse,
    clickhouseMemoryMb: wish.clickhouseMemoryMb,
    logLevel: log.level,
    lingerMs,
  };
  const state: { ended: boolean; socket: Socket | undefined } = { ended: false, socket: undefined };
  const first = await attach(order, events.launched);
  const hold = ({ socket, failed }: Attached): void => {
    state.socket = socket;
    void failed.then((reason) => state.ended || events.gaveUp(reason));
    socket.unref();
    const gone = (): void => {
      if (!state.ended) void comeBack();
    };
    if (socket.destroyed) gone();
    else socket.once('close', gone);
  };
  const comeBack = async (): Promise<void> => {
    log.error('the keeper of the shared stores is gone');
    try {
      const again = await attach(order, () => undefined);
      if (state.ended) return void again.socket.destroy();
      if (!isSame(again.stores, first.stores))
        throw new Fatal('The shared stores came back at another address: start this process again.');
      log.warn({ keeper: again.stores.pid }, 'the shared stores are kept again');
      hold(again);
    } catch (error) {
      if (!state.ended) events.gaveUp(error instanceof Fatal ? error : new Fatal(String(error)));
    }
  };
  hold(first);
  return {
    stores: first.stores,
    end: () => {
      state.ended = true;
      state.socket?.destroy();
    },
  };
}

/** Asks a keeper that keeps for nobody to end. @returns whether it is about to, and has left the data directory */
export async function askToLeave(folder: string): Promise<boolean> {
  const socket = await connect(folder);
  if (socket === undefined) return (await holderOf(folder)) === undefined;
  const leaving = new Promise<boolean>((resolve) => {
    socket.setTimeout(1_000, () => resolve(false));
    socket.once('close', () => resolve(false));
    hear(socket, (words) => 'leaving' in (words as FromKeeper) && resolve((words as { leaving: boolean }).leaving));
  });
  say(socket, { leave: true });
  if (!(await leaving)) return false;
  socket.destroy();
  for (const since = Date.now(); Date.now() - since < LEAVE_LIMIT_MS; await sleep(50))
    if ((await holderOf(folder)) === undefined) return true;
  return false;
}

interface Attached {
  readonly socket: Socket;
  readonly stores: StoresFile;
  /** Settles where the stores fail for good later. */
  readonly failed: Promise<Fatal>;
}

/** Reaches the keeper, whoever it is by then. */
async function attach(order: KeeperOrder, onLaunched: () => void): Promise<Attached> {
  const { folder } = order;
  let keeper: ChildProcess | undefined;
  let failures = 0;
  for (const since = Date.now(); Date.now() - since < START_LIMIT_MS; await sleep(50)) {
    const socket = await connect(folder);
    if (socket !== undefined) {
      const attached = await introduce(socket, order, onLaunched);
      if (attached !== undefined) return attached;
      // It was about to end.
      continue;
    }
    const holder = await holderOf(folder);
    if (holder !== undefined) {
      // A keeper that starts or ends; or a process that wants its stores for itself.
      if (holder !== 'silent' && holder.keeper !== true) throw new InUse(folder, holder);
      continue;
    }
    const code = keeper?.exitCode ?? null;
    if (keeper !== undefined && code === null && keeper.signalCode === null) continue;
    if (code !== null && code !== NOT_NEEDED_EXIT_CODE && code !== 0) failures += 1;
    if (failures === MOST_FAILURES) throw new Fatal(lastWords(folder));
    keeper = startKeeper(order);
  }
  throw new Fatal(`The shared stores in ${folder} were not ready within ${START_LIMIT_MS / 1_000} s.`);
}

/** @returns undefined where nobody listens */
const connect = (folder: string): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const socket = createConnection(socketPath(folder, KEEPER_SOCKET));
    socket.once('connect', () => resolve(socket));
    socket.on('error', () => {
      socket.destroy();
      resolve(undefined);
    });
  });

/** Says what is needed, and waits until it is there.
 *  @returns undefined where the keeper went away first
 *  @throws Fatal where it says that there will be no stores, or nothing at all */
function introduce(socket: Socket, order: KeeperOrder, onLaunched: () => void): Promise<Attached | undefined> {
  return new Promise((resolve, reject) => {
    let onFailed = (_reason: Fatal): void => undefined;
    const failed = new Promise<Fatal>((settle) => (onFailed = settle));
    const hung = setTimeout(() => {
      reject(new Fatal(`The keeper of the shared stores in ${order.folder} does not answer: end it, and start again.`));
      socket.destroy();
    }, GREETING_LIMIT_MS);
    socket.once('close', () => {
      clearTimeout(hung);
      resolve(undefined);
    });
    hear(socket, (words) => {
      const said = words as FromKeeper;
      if ('keeper' in said) {
        clearTimeout(hung);
        onLaunched();
      } else if ('failed' in said) {
        const reason = new Fatal(said.failed);
        onFailed(reason);
        reject(reason);
      } else if ('ready' in said) {
        const stores = readStoresFile(order.folder);
        if (stores === undefined) socket.destroy();
        else resolve({ socket, stores, failed });
      }
    });
    say(socket, { needs: { postgres: order.postgres, clickhouse: order.clickhouse } });
  });
}

/** Starts a keeper that outlives this process, in a session of its own; of several one stays. */
function startKeeper(order: KeeperOrder): ChildProcess {
  const log = logPath(order.folder);
  if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) > MOST_LOG_BYTES) renameSync(log, `${log}.1`);
  const file = openSync(log, 'a', 0o600);
  try {
    const child = spawn(process.execPath, [compiled('embedded/keeper.js'), JSON.stringify(order)], {
      cwd: order.folder,
      // Nothing of ours: no secret, no variable that was meant for this process.
      env: { PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin' },
      detached: true,
      stdio: ['ignore', file, file],
    });
    child.on('error', () => undefined);
    child.unref();
    return child;
  } finally {
    closeSync(file);
  }
}

const logPath = (folder: string): string => join(folder, 'stores.log');

const lastWords = (folder: string): string => {
  const line = readFileSync(logPath(folder), 'utf8').trim().split('\n').at(-1) ?? '';
  return `The keeper of the shared stores does not start: ${line === '' ? 'it says nothing' : line}`;
};

const isSame = (one: StoresFile, other: StoresFile): boolean =>
  one.postgres === other.postgres && one.clickhouse === other.clickhouse;
