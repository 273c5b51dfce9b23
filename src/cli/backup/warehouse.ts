// How does a backup speak to ClickHouse, embedded or an ordinary server? By whole results and whole inserts in the engine's own format.
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import type { Readable } from 'node:stream';
import { toFault } from '../../platform/clickhouse/faults';
import { CommandFailed } from '../command';

/** A piece of the warehouse may take so long: a day of somebody large, on a machine that has other things to do. */
const LIMIT_MS = 1_800_000;

/** A connection to the warehouse for whoever copies it. Failures are told without the engine's words: those quote values of events. */
export class Warehouse {
  readonly #client: ClickHouseClient;

  constructor(url: string) {
    this.#client = createClient({
      url,
      request_timeout: LIMIT_MS,
      log: { level: 127 as never },
      max_open_connections: 2,
    });
  }

  /** Rows of a query as objects. */
  async rows<T>(query: string, params: Record<string, unknown> = {}): Promise<T[]> {
    return this.#told(async () => {
      const result = await this.#client.query({ query, query_params: params, format: 'JSONEachRow' });
      return result.json<T>();
    });
  }

  /** Runs a statement that answers nothing. */
  async run(query: string, params: Record<string, unknown> = {}): Promise<void> {
    await this.#told(() => this.#client.command({ query, query_params: params }));
  }

  /** The rows of a query in the engine's own format, and how many they are (null: the server does not say).
   *  The server sends nothing before it has all of them, so that a query that fails half-way is a failure and not an end. */
  async read(query: string, params: Record<string, unknown>): Promise<{ stream: Readable; rows: number | null }> {
    return this.#told(async () => {
      const { stream, summary } = await this.#client.exec({
        query: `${query} FORMAT Native`,
        query_params: params,
        // Charts come first: a backup has time.
        clickhouse_settings: { wait_end_of_query: 1, max_execution_time: 0, max_threads: 1, priority: '10' },
      });
      return { stream, rows: numberOf(summary?.result_rows) };
    });
  }

  /** Adds rows in the engine's own format.
   *  @param token of this piece: the same piece twice is one
   *  @returns how many were written; null: the server does not say */
  async insert(table: string, columns: readonly string[], rows: Readable, token: string): Promise<number | null> {
    return this.#told(async () => {
      const { stream, summary } = await this.#client.exec({
        query: `INSERT INTO ${table} (${columns.join(', ')}) FORMAT Native`,
        values: rows,
        clickhouse_settings: { insert_deduplication_token: token, async_insert: 0, wait_end_of_query: 1 },
      });
      stream.resume();
      return numberOf(summary?.written_rows);
    });
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof CommandFailed) throw cause;
      throw new CommandFailed(`ClickHouse: ${toFault(cause, true).type}`, { cause });
    }
  }
}

const numberOf = (text: string | undefined): number | null => {
  const value = Number(text ?? 0);
  return value > 0 ? value : null;
};
