// How does a feature talk to ClickHouse? Through this seam only: it binds, tags, times, limits, and says what a failure means.
import { type ClickHouseClient, type ClickHouseSettings, createClient } from '@clickhouse/client';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { availableParallelism } from 'node:os';
import { pipeline, Readable } from 'node:stream';
import { Env, StoreUrls } from '../../config/env';
import type { Metrics } from '../metrics/metrics';
import { AskerGone, FairPlaces, NoPlace } from './fair-places';
import { ClickHouseFault, SERVER_MEMORY, toFault } from './faults';
import { type QueryAccount, readSummary } from './query-cost';
import { defaultLimits, goneAway, limitSettings, problemOf, type QueryLimits, tooBusy } from './query-limits';
import { ResultGuard } from './result-guard';
import { type Sql, render } from './sql';

export type { QueryAccount, QueryCost } from './query-cost';

/** How a read is asked. One that is neither urgent nor in the background waits for its turn among the charts. */
export interface ReadOptions {
  /** What the query is for: a constant word, kept in the engine's log beside the request id. */
  purpose?: string;
  requestId?: string;
  /** Ends the query when the caller goes away. */
  signal?: AbortSignal;
  /** Whose question it is: projects take turns where more are asked than may run at once. */
  project?: number;
  /** Milliseconds; default QUERY_TIMEOUT_MS. 0: no limit, for exports and jobs. */
  timeoutMs?: number;
  /** Default QUERY_MEMORY_MB. */
  maxMemoryBytes?: number;
  /** Rows read by all parts of the query; default QUERY_MAX_ROWS. 0: no limit. */
  maxRows?: number;
  /** A writer waits for this: it waits for nobody. */
  urgent?: boolean;
  /** Nobody waits for this: one thread, and every chart goes first. Ten minutes and any number of rows unless said otherwise. */
  background?: boolean;
  /** Beside those that the other options stand for. */
  settings?: ClickHouseSettings;
  /** Is told what the query cost. */
  account?: QueryAccount;
}

/** How a statement is run that changes something. */
export interface RunOptions {
  /** Default ten minutes. The engine may go on beyond it. */
  timeoutMs?: number;
  /** As of a read; limits of memory hold then too. */
  background?: boolean;
  settings?: ClickHouseSettings;
}

/** A block for one table, already encoded: one JSONCompactEachRow line a row. */
export interface Block {
  table: string;
  columns: readonly string[];
  body: string | Buffer;
  /** Drops a block that the engine has already: the retry of an insert whose answer was lost. */
  token: string;
}

const BACKGROUND_TIMEOUT_MS = 600_000;
/** Connections for look-ups that wait for no turn. */
const URGENT = 12;
const BACKGROUND = 6;
/** FINAL reads one row of each sort key; these two make that free on merged partitions (measured: 261 -> 107 ms). */
const FINAL_SETTINGS = {
  do_not_merge_across_partitions_select_final: 1,
  optimize_move_to_prewhere_if_final: 1,
  // Joins are written with the small side on the right; the engine's own guess turns them round (a day's rows: 4.4 -> 2.9 s).
  query_plan_join_swap_table: 'false',
  // Looks for comparisons that follow from others: a quarter of what a question about little data costs (74 -> 56 ms), and no rule of ours has any.
  optimize_and_compare_chain: 0,
} as const;

/** The engine holds a query back for a moment whenever one of a smaller number is working (measured, two jobs beside a chart: the
 *  chart takes 1.0 instead of 3.5 s). 0 is none: inserts and their look-ups have none, as holding charts back for them gained
 *  them nothing that could be measured. */
const CHART = { priority: '1' } as const;
/** With the engine's own second of patience a job beside steady charts would not get on at all. */
const EXPORT = { priority: '3', low_priority_query_wait_time_ms: '100' } as const;
const BEHIND = { priority: '5', low_priority_query_wait_time_ms: '100', max_threads: 1 } as const;

/** Reads change nothing, and their head comes with the last row: an error has its status, the figures are whole. */
const READ = { readonly: '2', output_format_json_quote_64bit_integers: 0 } as const;
const WHOLE = { wait_end_of_query: 1 } as const;

@Injectable()
export class ClickHouse implements OnApplicationShutdown {
  readonly #reader: ClickHouseClient;
  /** Connections of its own, so that slow charts never queue an insert. */
  readonly #writer: ClickHouseClient;
  /** A download may last for hours: it takes no chart's connection, and no chart's turn. */
  readonly #exporter: ClickHouseClient;
  /** Few connections, so that work in the background never stands before a chart in the server's own queue. */
  readonly #background: ClickHouseClient;
  readonly #charts: FairPlaces;
  readonly #exports: FairPlaces;
  readonly #defaults: QueryLimits;
  /** When somebody last waited for an answer of this process. */
  #waitedForAt = -Infinity;

  constructor(
    private readonly env: Env,
    urls: StoreUrls,
    private readonly metrics?: Metrics,
  ) {
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
        // A copy: the client writes what the URL sets into it.
        clickhouse_settings: { ...settings },
        log: { level: 127 as never },
      });
    const clustered = env.CLICKHOUSE_CLUSTER !== undefined;
    const reading: ClickHouseSettings = {
      ...FINAL_SETTINGS,
      // A replica that has not seen the last acknowledged insert may not answer.
      ...(clustered ? { select_sequential_consistency: '1' } : {}),
    };
    const writing: ClickHouseSettings = {
      date_time_input_format: 'basic',
      // Skip indexes are built by merges: on a new part they cost an insert more than they save a reader.
      materialize_skip_indexes_on_insert: 0,
      max_partitions_per_insert_block: '0',
      ...(clustered ? { insert_quorum: 'auto', insert_quorum_parallel: 0 } : {}),
    };
    const concurrency = env.QUERY_CONCURRENCY === 0 ? 2 * availableParallelism() : env.QUERY_CONCURRENCY;
    this.#charts = new FairPlaces(concurrency);
    // Whoever takes nothing of its downloads holds their places: one is left for everybody else.
    this.#exports = new FairPlaces(concurrency, undefined, Math.max(1, concurrency - 1));
    this.#reader = client(concurrency + URGENT, { ...READ, ...reading });
    this.#exporter = client(concurrency, { ...READ, ...reading, ...EXPORT });
    this.#writer = client(16, writing);
    this.#background = client(BACKGROUND, { ...writing, ...reading, ...BEHIND });
    this.#defaults = defaultLimits(env);
  }

  /** Rows of a query as objects. 64-bit integers arrive as numbers: select hashes as hexadecimal text.
   *  @throws storeUnavailable, also where no turn came in time; queryTooLarge */
  async rows<T>(query: Sql, options: ReadOptions = {}): Promise<T[]> {
    const waits = options.urgent !== true && options.background !== true;
    const asked = performance.now();
    // A look-up of a chore is urgent, and nobody waits for it; whoever stores something is noticed by the insert.
    if (waits) this.#waitedForAt = asked;
    const leave = waits ? await this.#turn(this.#charts, options) : () => undefined;
    try {
      return await this.#read<T>(query, options, performance.now() - asked);
    } finally {
      leave();
    }
  }

  async #read<T>(query: Sql, options: ReadOptions, waitedMs: number): Promise<T[]> {
    const { purpose = 'other', background = false, urgent = false } = options;
    const rendered = render(query);
    const limits = this.#limits(
      options,
      background ? { ...this.#defaults, timeoutMs: BACKGROUND_TIMEOUT_MS, rows: 0 } : this.#defaults,
    );
    const stop = this.metrics?.querySeconds.startTimer({ purpose });
    const sent = performance.now();
    try {
      const result = await (background ? this.#background : this.#reader).query({
        query: rendered.query,
        query_params: rendered.params,
        format: 'JSONEachRow',
        abort_signal: deadline(options.signal, limits.timeoutMs),
        clickhouse_settings: {
          ...WHOLE,
          ...(background ? READ : urgent ? {} : CHART),
          ...limitSettings(limits),
          ...commentOf(options),
          ...options.settings,
        },
      });
      const rows = await result.json<T>();
      stop?.({ outcome: 'ok' });
      const read = readSummary(result.response_headers['x-clickhouse-summary']);
      this.metrics?.queryReadRows.observe({ purpose }, read.rows);
      options.account?.({ ...read, purpose, elapsedMs: performance.now() - sent, waitedMs });
      return rows;
    } catch (error) {
      stop?.({ outcome: options.signal?.aborted === true ? 'gone' : toFault(error).kind });
      throw this.#forCaller(error, limits, options.signal);
    }
  }

  /** A result as the engine writes it, in constant memory, for exports. It has no limit of time or rows unless one is given.
   *  @param format an output format of ClickHouse, from a list of ours
   *  @throws storeUnavailable, queryTooLarge before the first byte; later the stream is destroyed with the fault */
  async stream(
    query: Sql,
    format: 'JSONEachRow' | 'LineAsString' | 'CSVWithNames' | 'Parquet',
    options: Omit<ReadOptions, 'urgent' | 'background' | 'account'> = {},
  ): Promise<Readable> {
    const rendered = render(query);
    const limits = this.#limits(options, { ...this.#defaults, timeoutMs: 0, rows: 0 });
    const leave = await this.#turn(this.#exports, options);
    try {
      const result = await this.#exporter.exec({
        query: `${rendered.query}\nFORMAT ${format}`,
        query_params: rendered.params,
        ...(options.signal === undefined ? {} : { abort_signal: options.signal }),
        clickhouse_settings: { ...limitSettings(limits), ...commentOf(options), ...options.settings },
      });
      result.stream.once('close', leave);
      const tag = result.response_headers['x-clickhouse-exception-tag'];
      // Servers before 25.11 send no tag, and their errors can't be told from rows.
      if (typeof tag !== 'string') return result.stream;
      return pipeline(result.stream, new ResultGuard(tag), () => undefined);
    } catch (error) {
      leave();
      throw this.#forCaller(error, limits, options.signal);
    }
  }

  /** Stores a block, whole or not at all.
   *  @throws ClickHouseFault: `away` (try again with the same block and token) or `data` (a row of it never fits) */
  async insert(block: Block, timeoutMs = this.env.INSERT_TIMEOUT_MS): Promise<void> {
    if (!/^[\w:-]{1,200}$/.test(block.token)) throw new Error('A token is made of ids of ours');
    this.#waitedForAt = performance.now();
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
  async run(statement: Sql | string, options: RunOptions = {}): Promise<void> {
    const { query, params } = typeof statement === 'string' ? { query: statement, params: {} } : render(statement);
    const { timeoutMs = BACKGROUND_TIMEOUT_MS, background = false, settings = {} } = options;
    try {
      await (background ? this.#background : this.#writer).command({
        query,
        query_params: params,
        abort_signal: AbortSignal.timeout(timeoutMs),
        clickhouse_settings: {
          ...(background ? limitSettings({ ...this.#defaults, timeoutMs: 0, rows: 0 }) : {}),
          ...settings,
        },
      });
    } catch (error) {
      throw toFault(error, true);
    }
  }

  /** Whether nobody has asked or stored anything here for a while, so that work in the background may take the whole machine.
   *  Of other processes this one knows nothing: towards their charts the engine's own priorities hold. */
  isQuiet(forMs = 3_000): boolean {
    return performance.now() - this.#waitedForAt > forMs;
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
    await Promise.all([this.#reader, this.#writer, this.#exporter, this.#background].map((client) => client.close()));
  }

  async #turn(places: FairPlaces, { project = 0, purpose = 'other', signal }: ReadOptions): Promise<() => void> {
    const stop = this.metrics?.queryWaitSeconds.startTimer();
    try {
      return await places.take(project, this.env.QUERY_TIMEOUT_MS, signal);
    } catch (error) {
      if (error instanceof AskerGone) throw goneAway();
      if (!(error instanceof NoPlace)) throw error;
      this.metrics?.queriesRefused.inc({ purpose });
      throw tooBusy(error);
    } finally {
      stop?.();
    }
  }

  #limits({ timeoutMs, maxMemoryBytes, maxRows }: ReadOptions, usual: QueryLimits): QueryLimits {
    return {
      timeoutMs: timeoutMs ?? usual.timeoutMs,
      memoryBytes: maxMemoryBytes ?? usual.memoryBytes,
      rows: maxRows ?? usual.rows,
    };
  }

  #forCaller(error: unknown, limits: QueryLimits, signal: AbortSignal | undefined): Error {
    if (signal?.aborted === true) return goneAway();
    const fault = toFault(error);
    // Alone on the server, it will not find more memory a moment later.
    const alone = fault.type === SERVER_MEMORY && this.#charts.running <= 1;
    const told = alone ? new ClickHouseFault('limit', fault.code, fault.type, 'memory') : fault;
    return problemOf(told, limits) ?? told;
  }
}

/** The engine stops by itself at max_execution_time; the deadline is for one that no longer answers. */
const deadline = (signal: AbortSignal | undefined, timeoutMs: number): AbortSignal => {
  const hung = AbortSignal.timeout((timeoutMs === 0 ? 3_600_000 : timeoutMs) + 2_000);
  return signal === undefined ? hung : AbortSignal.any([signal, hung]);
};

const commentOf = ({ purpose, requestId }: ReadOptions): ClickHouseSettings =>
  purpose === undefined ? {} : { log_comment: requestId === undefined ? purpose : `${purpose} ${requestId}` };
