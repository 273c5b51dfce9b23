// How does a store live as long as the server, and not longer? One supervisor a store: start, restart after a crash, stop.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Fatal } from './fatal';

/** What a store tells whoever started it. */
export interface StoreEvents {
  /** Its first process runs now; what follows is waiting. */
  launched(): void;
  /** It fails again and again, and is no longer tried. */
  gaveUp(reason: Fatal): void;
}

/** A store's process that is up. */
export interface RunningStore {
  readonly child: ChildProcess;
  /** The engine's own process, where the child is a wrapper round it. */
  readonly pid: number;
  /** Asks for a clean stop; the child's end is awaited by the supervisor. */
  stop(): void;
  /** Ends it where it does not stop. */
  kill(): void;
}

/** How to start a store. Called again after a crash, and must then lead to the same URL. */
export type StartStore = () => Promise<RunningStore>;

/** A store under supervision. */
export interface SupervisedStore {
  readonly pid: number | undefined;
  /** Stops the store and waits for its end, at most `withinMs`; then it is killed. */
  close(withinMs: number): Promise<void>;
}

/** Restarts within this long count as one series of failures. */
const SERIES_MS = 60_000;
const MOST_FAILURES = 5;
const LONGEST_PAUSE_MS = 5_000;

const ended = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Starts a store and keeps it running.
 *  @throws what the first start threw */
export async function supervise(
  name: string,
  start: StartStore,
  log: Logger,
  events: Pick<StoreEvents, 'gaveUp'>,
): Promise<SupervisedStore> {
  let running: RunningStore | undefined = await start();
  const state = { closing: false };
  let failures: number[] = [];
  let restarting: Promise<void> = Promise.resolve();

  const watch = (store: RunningStore): void => {
    const gone = (): void => {
      if (running === store) running = undefined;
      if (state.closing) return;
      log.error({ store: name, exitCode: store.child.exitCode, signal: store.child.signalCode }, 'store ended');
      restarting = restart();
    };
    if (ended(store.child)) gone();
    else store.child.once('exit', gone);
  };

  const restart = async (): Promise<void> => {
    while (!state.closing) {
      const now = Date.now();
      failures = [...failures.filter((at) => now - at < SERIES_MS), now];
      if (failures.length > MOST_FAILURES) {
        events.gaveUp(new Fatal(`The embedded ${name} ended ${failures.length} times within a minute; giving up.`));
        return;
      }
      await sleep(Math.min(LONGEST_PAUSE_MS, 50 * 4 ** (failures.length - 1)));
      if (state.closing) return;
      try {
        const store = await start();
        running = store;
        log.warn({ store: name, pid: store.pid }, 'store restarted');
        // Closed while it was starting: close() waits for this and stops it.
        watch(store);
        return;
      } catch (error) {
        log.error({ store: name, reason: error instanceof Error ? error.message : 'unknown' }, 'store did not restart');
      }
    }
  };

  watch(running);
  return {
    get pid() {
      return running?.pid;
    },
    async close(withinMs) {
      state.closing = true;
      const deadline = AbortSignal.timeout(withinMs);
      await Promise.race([restarting, once(deadline, 'abort')]);
      const store = running;
      if (store === undefined || ended(store.child)) return;
      const exit = once(store.child, 'exit');
      store.stop();
      await Promise.race([exit, once(deadline, 'abort')]);
      if (ended(store.child)) return;
      log.warn({ store: name }, 'store killed as it did not stop in time');
      store.kill();
      await Promise.race([exit, sleep(1_000)]);
    },
  };
}
