// How does a feature talk to ClickHouse? Through this seam only: it binds, tags, times, limits, and says what a failure means.
import { type ClickHouseClient, type ClickHouseSettings, createClient } from '@clickhouse/client';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { pipeline, Readable } from 'node:stream';
import { invalidInput, queryTooLarge, storeUnavailable } from '../../common/problem';
import { Env, StoreUrls } from '../../config/env';
import type { Metrics } from '../metrics/metrics';
import { type ClickHouseFault, toFault } from './faults';
import { ResultGuard } from './result-guard';
import { type Sql, render } from './sql';

export interface ReadOptions {
  /** What the query is for: a constant word, kept in the engine's log beside the request id. */
  purpose?: string;
  requestId?: string;
  /** Ends the query when the caller goes away. */
  signal?: AbortSignal;
  /** Milliseconds; default QUERY_TIMEOUT_MS. 0: no limit, for exports and jobs. */
  timeoutMs?: number;
  maxMemoryBytes?: number;
}

/** A block for one table, already encoded: one JSONCompactEachRow line a row. */
export interface Block {
  table: string;
  columns: readonly string[];
  body: string | Buffer;
  /** Drops a block that the engine has already: the retry of an insert whose answer was lost. */
  token: string;
}

const GIGABYTE = 1_073_741_824;
/** FINAL reads one row of each sort key; these two make that free on merged partitions (measured: 261 -> 107 ms). */
const FINAL_SETTINGS = {
  do_not_merge_across_partitions_select_final: 1,
  optimize_move_to_prewhere_if_final: 1,
} as const;

@Injectable()
export class ClickHouse implements OnApplicationShutdown {
  readonly #reader: ClickHouseClient;
  /** Connections of its own, so that slow charts never queue an insert. */
  readonly #writer: ClickHouseClient;
  readonly #cluster: string | undefined;

  constructor(
    private readonly env: Env,
    urls: StoreUrls,
    private readonly metrics?: Metrics,
  ) {
    this.#cluster = env.CLICKHOUSE_CLUSTER;
    const client = (connections: number, settings: ClickHouseSettings) =>
      createClient({
        url: urls.clickhouse,
        application: 'millrace',
        max_open_connections: connections,
        // A look-up of thousands of ids does not fit a URL.
        use_multipart_params_auto: true,
        // Beyond every limit of ours: the caller's signal and max_execution_time end a request first.
        request_timeout: 3_600_000,
        keep_alive: { enabled: true, idle_socket_ttl: 2_000 },
        clickhouse_settings: settings,
        log: { level: 127 as never },
      });
    this.#reader = client(16, {
      readonly: '2',
      output_format_json_quote_64bit_integers: 0,
      ...FINAL_SETTINGS,
      // A replica that has not seen the last acknowledged insert may not answer.
      ...(this.#cluster === undefined ? {} : { select_sequential_consistency: '1' }),
    });
    this.#writer = client(16, {
      date_time_input_format: 'basic',
      // Skip indexes are built by merges: on a new part they cost an insert more than they save a reader.
      materialize_skip_indexes_on_insert: 0,
      max_partitions_per_insert_block: '0',
      ...(this.#cluster === undefined ? {} : { insert_quorum: 'auto', insert_quorum_parallel: 0 }),
    });
  }

  /** Rows of a query as objects. 64-bit integers arrive as numbers: select hashes as hexadecimal text.
   *  @throws storeUnavailable, queryTooLarge */
  async rows<T>(query: Sql, options: ReadOptions = {}): Promise<T[]> {
    const rendered = render(query);
    const stop = this.metrics?.querySeconds.startTimer({ purpose: options.purpose ?? 'other' });
    try {
      const result = await this.#reader.query({
        query: rendered.query,
        query_params: rendered.params,
        format: 'JSONEachRow',
        abort_signal: this.#deadline(options),
        clickhouse_settings: this.#limits(options),
      });
      const rows = await result.json<T>();
      stop?.({ outcome: 'ok' });
      return rows;
    } catch (error) {
      stop?.({ outcome: toFault(error).kind });
      throw this.#forCaller(error);
    }
  }

  /** A result as the engine writes it, in constant memory, for exports.
   *  @param format an output format of ClickHouse, from a list of ours
   *  @throws storeUnavailable, queryTooLarge before the first byte; later the stream is destroyed with the fault */
  async stream(
    query: Sql,
    format: 'JSONEachRow' | 'LineAsString' | 'CSVWithNames' | 'Parquet',
    options: ReadOptions = {},
  ): Promise<Readable> {
    const rendered = render(query);
    try {
      const result = await this.#reader.exec({
        query: `${rendered.query}\nFORMAT ${format}`,
        query_params: rendered.params,
        ...(options.signal === undefined ? {} : { abort_signal: options.signal }),
        clickhouse_settings: this.#limits({ timeoutMs: 0, ...options }),
      });
      const tag = result.response_headers['x-clickhouse-exception-tag'];
      // Servers before 25.11 send no tag, and their errors can't be told from rows.
      if (typeof tag !== 'string') return result.stream;
      return pipeline(result.stream, new ResultGuard(tag), () => undefined);
    } catch (error) {
      throw this.#forCaller(error);
    }
  }

  /** Stores a block, whole or not at all.
   *  @throws ClickHouseFault: `away` (try again with the same block and token) or `data` (a row of it never fits) */
  async insert(block: Block, timeoutMs = this.env.INSERT_TIMEOUT_MS): Promise<void> {
    if (!/^[\w:-]{1,200}$/.test(block.token)) throw new Error('A token is made of ids of ours');
    try {
      const result = await this.#writer.exec({
        // The token stands in the statement, so that every insert has the same settings around it.
        query: `INSERT INTO ${block.table} (${block.columns.join(', ')}) SETTINGS insert_deduplication_token = '${block.token}' FORMAT JSONCompactEachRow`,
        values: Readable.from([block.body]),
        abort_signal: AbortSignal.timeout(timeoutMs),
        clickhouse_settings: {
          max_execution_time: Math.ceil(timeoutMs / 1000),
        },
      });
      for await (const _ of result.stream) {
        // An INSERT answers nothing; reading to the end is what returns the connection.
      }
    } catch (error) {
      throw toFault(error, true);
    }
  }

  /** Runs a statement that changes something: migrations, deletions, housekeeping. Values are bound like in a query.
   *  @throws ClickHouseFault */
  async run(statement: Sql | string, timeoutMs = 600_000): Promise<void> {
    const { query, params } = typeof statement === 'string' ? { query: statement, params: {} } : render(statement);
    try {
      await this.#writer.command({ query, query_params: params, abort_signal: AbortSignal.timeout(timeoutMs) });
    } catch (error) {
      throw toFault(error, true);
    }
  }

  /** Whether the engine answers a query now. Never throws. */
  async isUp(timeoutMs = 1_000): Promise<boolean> {
    try {
      const result = await this.#writer.ping({ select: true, abort_signal: AbortSignal.timeout(timeoutMs) });
      return result.success;
    } catch {
      return false;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.#reader.close(), this.#writer.close()]);
  }

  #deadline({ signal, timeoutMs = this.env.QUERY_TIMEOUT_MS }: ReadOptions): AbortSignal {
    // The engine stops by itself at max_execution_time; this is for one that no longer answers.
    const hung = AbortSignal.timeout((timeoutMs === 0 ? 3_600_000 : timeoutMs) + 2_000);
    return signal === undefined ? hung : AbortSignal.any([signal, hung]);
  }

  #limits({
    timeoutMs = this.env.QUERY_TIMEOUT_MS,
    maxMemoryBytes = GIGABYTE,
    purpose,
    requestId,
  }: ReadOptions): ClickHouseSettings {
    return {
      ...(timeoutMs === 0 ? {} : { max_execution_time: timeoutMs / 1000 }),
      max_memory_usage: String(maxMemoryBytes),
      ...(purpose === undefined ? {} : { log_comment: requestId === undefined ? purpose : `${purpose} ${requestId}` }),
    };
  }

  #forCaller(error: unknown): Error {
    const fault = toFault(error);
    return problemOf(fault) ?? fault;
  }
}

/** CANNOT_COMPILE_REGEXP: the one fault of a statement that input can cause. */
const BAD_REGEXP = 427;

const problemOf = (fault: ClickHouseFault): Error | undefined => {
  if (fault.kind === 'away') return storeUnavailable({ retryAfterSeconds: 2, cause: fault });
  if (fault.kind === 'limit')
    return queryTooLarge({ detail: 'Ask for a shorter range, fewer dimensions or a narrower filter.', cause: fault });
  if (fault.code === BAD_REGEXP)
    return invalidInput({
      errors: [{ path: 'filters', code: 'invalid_pattern', message: 'must be a regular expression that RE2 accepts' }],
      cause: fault,
    });
  return undefined;
};
