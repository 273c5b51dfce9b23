// Who runs the stores that several processes share? This program: started by the first that needs them, ended by the absence of all.
// Its standard output and error go to stores.log in the data directory.
import { setTimeout as sleep } from 'node:timers/promises';
import { makeLogger } from '../platform/logging/logger';
import { startEngines } from './engines';
import { Fatal } from './fatal';
import { InUse, lockInstance, type InstanceLock } from './instance-lock';
import { KeeperDesk } from './keeper-desk';
import { NOT_NEEDED_EXIT_CODE, type KeeperOrder } from './keeper-words';
import { readStoresFile, removeStoresFile, writeStoresFile } from './stores-file';

/** Whoever asked for the stores is on the way to hear why there are none. */
const LAST_WORDS_MS = 1_500;

/** Keeps the stores for as long as somebody uses them. */
async function keep(order: KeeperOrder): Promise<void> {
  const log = makeLogger(order.logLevel);
  const lock = await lockOrLeave(order.folder);
  const desk = await KeeperDesk.open(order.folder, order, order.lingerMs);
  onSignals(desk);
  const giveUp = async (reason: unknown): Promise<never> => {
    desk.failed(reason instanceof Fatal ? reason.message : `The embedded stores can't go on: ${wordsOf(reason)}`);
    await sleep(LAST_WORDS_MS);
    return fail(reason);
  };
  try {
    const before = readStoresFile(order.folder);
    const wish = before === undefined ? order : { ...order, before };
    const engines = await startEngines(order.folder, wish, log, {
      launched: () => undefined,
      gaveUp: (reason) => void giveUp(reason),
    });
    writeStoresFile(order.folder, {
      pid: process.pid,
      ...(order.postgres ? { postgres: engines.postgresUrl } : {}),
      ...(order.clickhouse ? { clickhouse: engines.clickhouseUrl } : {}),
    });
    desk.ready();
    log.info({ pids: engines.pids }, 'keeping the stores');
    await desk.deserted;
    desk.close();
    log.info('nobody uses the stores any more');
    await engines.close();
    removeStoresFile(order.folder);
    await lock.release();
    process.exit(0);
  } catch (error) {
    await giveUp(error);
  }
}

/** Of several that are started at once one stays. */
async function lockOrLeave(folder: string): Promise<InstanceLock> {
  try {
    return await lockInstance(folder, { keeper: true });
  } catch (error) {
    if (error instanceof InUse) process.exit(NOT_NEEDED_EXIT_CODE);
    throw error;
  }
}

/** A machine that shuts down tells all at once: those who use the stores go first. A second signal ends this process; the stores
 *  notice, and end too. */
function onSignals(desk: KeeperDesk): void {
  let asked = false;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (asked) process.exit(1);
      asked = true;
      desk.hurry();
    });
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function fail(error: unknown): never {
  process.stderr.write(`${wordsOf(error)}\n`);
  process.exit(1);
}

process.on('uncaughtException', fail);
keep(JSON.parse(process.argv[2] ?? '{}') as KeeperOrder).catch(fail);
