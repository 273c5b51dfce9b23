// Which stores does this server have to bring itself? Those that the configuration does not name: its own, or shared with others.
import type { Logger } from 'pino';
import { StoreUrls, type Env } from '../config/env';
import { resolveDataDir } from './data-dir';
import { startEngines, type EngineEvents, type Engines, type EngineWish } from './engines';
import type { Fatal } from './fatal';
import { lockInstance, InUse, type InstanceLock } from './instance-lock';
import { askToLeave, leaseStores } from './lease';

/** The stores that run for this server. */
export interface EmbeddedStores {
  /** Every store's URL, whether ours or the configuration's. */
  readonly urls: StoreUrls;
  /** Absolute folder of the embedded stores' data and of run.json. */
  readonly dataDir: string;
  /** Whether no other server can run on this folder. */
  readonly alone: boolean;
  /** Process ids of the engines that run now; undefined where a store is not ours alone. */
  readonly pids: { readonly postgres: number | undefined; readonly clickhouse: number | undefined };
  /** Tells who asks why the data directory is taken where this server is. */
  describe(url: string): void;
  /** Stops the stores cleanly, within `withinMs`, and gives the data directory free; shared ones are only left. */
  close(withinMs?: number): Promise<void>;
}

type StoreEnv = Pick<
  Env,
  'DATA_DIR' | 'EMBEDDED_STORES' | 'DATABASE_URL' | 'CLICKHOUSE_URL' | 'REDIS_URL' | 'CLICKHOUSE_MEMORY_MB'
>;

/** Starts the stores that the configuration doesn't name.
 *  @param onGiveUp called where a store fails for good later
 *  @param onLaunched called once when every store's process runs and there is nothing to do but wait
 *  @throws Fatal where the data directory is in use or can't be used, or where a store isn't installed or doesn't start */
export async function startEmbeddedStores(
  env: StoreEnv,
  log: Logger,
  onGiveUp: (reason: Fatal) => void = () => undefined,
  onLaunched: () => void = () => undefined,
): Promise<EmbeddedStores> {
  const folder = await resolveDataDir(env);
  if (folder.insteadOf !== undefined)
    log.warn(
      { folder: folder.path, insteadOf: folder.insteadOf },
      'data lies in another folder: Postgres cannot reach DATA_DIR',
    );
  const wish = {
    postgres: env.DATABASE_URL === undefined,
    clickhouse: env.CLICKHOUSE_URL === undefined,
    clickhouseMemoryMb: env.CLICKHOUSE_MEMORY_MB,
  };
  const embedded = wish.postgres || wish.clickhouse;
  if (!embedded) onLaunched();
  const start = !embedded ? noEngines : env.EMBEDDED_STORES === 'shared' ? leaseEngines : ownEngines;
  const engines = await start(folder.path, wish, log, { gaveUp: onGiveUp, launched: onLaunched });
  return {
    urls: new StoreUrls(
      env.DATABASE_URL ?? engines.postgresUrl,
      env.CLICKHOUSE_URL ?? engines.clickhouseUrl,
      env.REDIS_URL,
      embedded ? folder.path : undefined,
    ),
    dataDir: folder.path,
    alone: engines.alone,
    pids: engines.pids,
    describe: (url) => engines.describe(url),
    close: (withinMs) => engines.close(withinMs),
  };
}

interface HeldEngines extends Omit<EmbeddedStores, 'urls' | 'dataDir'> {
  readonly postgresUrl: string;
  readonly clickhouseUrl: string;
}

type StartEngines = (folder: string, wish: EngineWish, log: Logger, events: EngineEvents) => Promise<HeldEngines>;

const NO_PIDS = { postgres: undefined, clickhouse: undefined };

/** Stores that are all somebody else's. */
const noEngines: StartEngines = async () => ({
  postgresUrl: '',
  clickhouseUrl: '',
  alone: false,
  pids: NO_PIDS,
  describe: () => undefined,
  close: async () => undefined,
});

/** Stores of this process alone, which end with it. */
const ownEngines: StartEngines = async (folder, wish, log, events) => {
  const lock = await lockAlone(folder);
  let engines: Engines;
  try {
    engines = await startEngines(folder, wish, log, events);
  } catch (error) {
    await lock.release();
    throw error;
  }
  return {
    postgresUrl: engines.postgresUrl,
    clickhouseUrl: engines.clickhouseUrl,
    alone: true,
    pids: engines.pids,
    describe: (url) => lock.describe(url),
    close: async (withinMs) => {
      await engines.close(withinMs);
      await lock.release();
    },
  };
};

/** Stores that others share, and that outlive this process. */
const leaseEngines: StartEngines = async (folder, wish, log, events) => {
  const lease = await leaseStores(folder, wish, log, events);
  return {
    postgresUrl: lease.stores.postgres ?? '',
    clickhouseUrl: lease.stores.clickhouse ?? '',
    alone: false,
    pids: NO_PIDS,
    describe: () => undefined,
    close: async () => lease.end(),
  };
};

/** Shared stores that nobody shares any more make room at once: they only wait in case that somebody comes back. */
async function lockAlone(folder: string): Promise<InstanceLock> {
  try {
    return await lockInstance(folder);
  } catch (error) {
    if (!(error instanceof InUse) || error.holder?.keeper !== true || !(await askToLeave(folder))) throw error;
    return lockInstance(folder);
  }
}
