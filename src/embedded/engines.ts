// How do the stores of a data directory start and end? Side by side; where one does not start, neither runs.
import type { Logger } from 'pino';
import { startClickHouse } from './clickhouse-process';
import type { Fatal } from './fatal';
import { startPostgres } from './postgres';
import type { StoreEvents } from './supervisor';

/** What is wanted of a data directory. */
export interface EngineWish {
  readonly postgres: boolean;
  readonly clickhouse: boolean;
  /** Ceiling of the embedded ClickHouse; 0: what suits the machine. */
  readonly clickhouseMemoryMb: number;
  /** URLs that they had before, for those who are still connected; kept where the ports are free. */
  readonly before?: { readonly postgres?: string; readonly clickhouse?: string };
}

/** Stores that run. */
export interface Engines {
  /** Empty where it was not wanted. */
  readonly postgresUrl: string;
  readonly clickhouseUrl: string;
  readonly pids: { readonly postgres: number | undefined; readonly clickhouse: number | undefined };
  /** Stops them cleanly, within `withinMs`. */
  close(withinMs?: number): Promise<void>;
}

/** What is told of the stores as they start, and later. */
export interface EngineEvents {
  /** A store fails for good. */
  gaveUp(reason: Fatal): void;
  /** Every store's process runs, and there is nothing to do but wait. */
  launched(): void;
}

/** Starts the stores. Only for the holder of the folder's lock.
 *  @throws Fatal where a store isn't installed or doesn't start */
export async function startEngines(
  folder: string,
  wish: EngineWish,
  log: Logger,
  events: EngineEvents,
): Promise<Engines> {
  const toLaunch = new Set([...(wish.postgres ? ['postgres'] : []), ...(wish.clickhouse ? ['clickhouse'] : [])]);
  if (toLaunch.size === 0) events.launched();
  const eventsOf = (store: string): StoreEvents => ({
    gaveUp: (reason) => events.gaveUp(reason),
    launched: () => {
      if (toLaunch.delete(store) && toLaunch.size === 0) events.launched();
    },
  });
  const starting = [
    wish.postgres ? startPostgres(folder, log, eventsOf('postgres'), wish.before?.postgres) : undefined,
    wish.clickhouse
      ? startClickHouse(folder, wish.clickhouseMemoryMb, log, eventsOf('clickhouse'), wish.before?.clickhouse)
      : undefined,
  ] as const;
  const settled = await Promise.allSettled(starting.map(async (store) => store));
  const [postgres, clickhouse] = settled.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
  const close = async (withinMs = 8_000): Promise<void> => {
    await Promise.all([postgres?.close(withinMs), clickhouse?.close(withinMs)]);
  };
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  return {
    postgresUrl: postgres?.url ?? '',
    clickhouseUrl: clickhouse?.url ?? '',
    pids: {
      get postgres() {
        return postgres?.pid;
      },
      get clickhouse() {
        return clickhouse?.pid;
      },
    },
    close,
  };
}
