// Which stores does this server have to bring itself? Those that the configuration does not name: started here, side by side.
import type { Logger } from 'pino';
import { StoreUrls, type Env } from '../config/env';
import { resolveDataDir } from './data-dir';
import { startClickHouse } from './clickhouse-process';
import type { Fatal } from './fatal';
import { lockInstance } from './instance-lock';
import { startPostgres } from './postgres';
import type { StoreEvents } from './supervisor';

/** The stores that run for this server. */
export interface EmbeddedStores {
  /** Every store's URL, whether ours or the configuration's. */
  readonly urls: StoreUrls;
  /** Absolute folder of the embedded stores' data and of run.json. */
  readonly dataDir: string;
  /** Process ids of the engines that run now; undefined where a store is not ours. */
  readonly pids: { readonly postgres: number | undefined; readonly clickhouse: number | undefined };
  /** Tells who asks why the data directory is taken where this server is. */
  describe(url: string): void;
  /** Stops the stores cleanly, within `withinMs`, and gives the data directory free. */
  close(withinMs?: number): Promise<void>;
}

type StoreEnv = Pick<Env, 'DATA_DIR' | 'DATABASE_URL' | 'CLICKHOUSE_URL' | 'REDIS_URL' | 'CLICKHOUSE_MEMORY_MB'>;

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
  const embedded = env.DATABASE_URL === undefined || env.CLICKHOUSE_URL === undefined;
  const lock = embedded ? await lockInstance(folder.path) : undefined;

  const toLaunch = new Set([
    ...(env.DATABASE_URL === undefined ? ['postgres'] : []),
    ...(env.CLICKHOUSE_URL === undefined ? ['clickhouse'] : []),
  ]);
  const eventsOf = (store: string): StoreEvents => ({
    gaveUp: onGiveUp,
    launched: () => {
      if (toLaunch.delete(store) && toLaunch.size === 0) onLaunched();
    },
  });
  if (!embedded) onLaunched();
  const starting = [
    env.DATABASE_URL === undefined ? startPostgres(folder.path, log, eventsOf('postgres')) : undefined,
    env.CLICKHOUSE_URL === undefined
      ? startClickHouse(folder.path, env.CLICKHOUSE_MEMORY_MB, log, eventsOf('clickhouse'))
      : undefined,
  ] as const;
  const settled = await Promise.allSettled(starting.map(async (store) => store));
  const [postgres, clickhouse] = settled.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
  const close = async (withinMs = 8_000): Promise<void> => {
    await Promise.all([postgres?.close(withinMs), clickhouse?.close(withinMs)]);
    await lock?.release();
  };
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  return {
    urls: new StoreUrls(
      env.DATABASE_URL ?? postgres?.url ?? '',
      env.CLICKHOUSE_URL ?? clickhouse?.url ?? '',
      env.REDIS_URL,
      embedded ? folder.path : undefined,
    ),
    dataDir: folder.path,
    pids: {
      get postgres() {
        return postgres?.pid;
      },
      get clickhouse() {
        return clickhouse?.pid;
      },
    },
    describe: (url) => lock?.describe(url),
    close,
  };
}
