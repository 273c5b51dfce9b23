// How is the embedded ClickHouse started as a process of its own? The command for whoever supervises it.
import { compiled } from '../../config/paths';
import type { ClickHouseServerOptions } from './server';
import { DEFAULT_SESSIONS } from './server';

/** What to run, and what to write to its standard input first. */
export interface ClickHouseChildSpec {
  readonly command: string;
  readonly args: readonly string[];
  /** To be added to the parent's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** One line with the options, the password among them: it appears in no argument and no environment. Keep the input open: its end
   *  is the child's sign that its parent is gone. */
  readonly firstLine: string;
}

/** What the child says once, by IPC where it has a channel, else as a line on standard output. */
export type ClickHouseChildMessage = { readonly ready: true; readonly url: string } | { readonly error: string };

/** Exit code where another process uses the directory. */
export const LOCKED_EXIT_CODE = 76;

/** Every statement that runs holds one of libuv's threads; a few more are for files, compression and questions to the engine.
 *  TRICKY: only heeded in the environment that a process starts with. */
export const threadsFor = (sessions: ClickHouseServerOptions['sessions'] = {}): number =>
  (sessions.queries ?? DEFAULT_SESSIONS.queries) + (sessions.inserts ?? DEFAULT_SESSIONS.inserts) + 8;

/** The command for a server with these options.
 *  @param entry the compiled child.ts, by default of this package's build */
export function clickhouseChildSpec(
  options: ClickHouseServerOptions,
  entry = compiled('embedded/clickhouse/child.js'),
): ClickHouseChildSpec {
  return {
    command: process.execPath,
    args: [entry],
    env: { UV_THREADPOOL_SIZE: String(threadsFor(options.sessions)), TZ: 'UTC' },
    firstLine: `${JSON.stringify(options)}\n`,
  };
}
