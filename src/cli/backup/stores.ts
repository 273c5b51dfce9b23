// Which stores does a backup read, and a restore fill? Those that the configuration names; else those of the running server; else DATA_DIR's own.
import { type Env } from '../../config/env';
import { holdsStores } from '../../embedded/data-dir';
import { readRunFile } from '../../embedded/run-file';
import { startEmbeddedStores } from '../../embedded/stores';
import { makeLogger } from '../../platform/logging/logger';
import { CommandFailed } from '../command';

/** Stores that can be asked until they are closed. */
export interface OpenStores {
  readonly postgres: string;
  readonly clickhouse: string;
  /** Ends what was started for the command, and nothing else. */
  close(): Promise<void>;
}

/** Finds the stores of an instance, running or not; embedded ones that do not run are started.
 *  @throws CommandFailed, Fatal: one line for the caller */
export async function openStores(env: Env): Promise<OpenStores> {
  const running = readRunFile(env);
  const postgres = env.DATABASE_URL ?? running?.stores?.postgres;
  const clickhouse = env.CLICKHOUSE_URL ?? running?.stores?.clickhouse;
  if (postgres !== undefined && clickhouse !== undefined)
    return { postgres, clickhouse, close: () => Promise.resolve() };
  if (running !== undefined)
    throw new CommandFailed(
      'the server that runs on DATA_DIR does not say where its stores are: give the command the same variables as the server',
    );
  // Started stores would be new ones, and their backup one of nothing.
  if (!holdsStores(env))
    throw new CommandFailed(
      `DATA_DIR ${env.DATA_DIR} holds no stores: give the command the same variables as the server`,
    );
  return startStores(env);
}

/** Opens stores that no server uses; embedded ones are started.
 *  @throws CommandFailed, Fatal: one line for the caller */
export async function startStores(env: Env): Promise<OpenStores> {
  const stores = await startEmbeddedStores(env, makeLogger('error'));
  return {
    postgres: stores.urls.postgres,
    clickhouse: stores.urls.clickhouse,
    close: () => stores.close(),
  };
}
