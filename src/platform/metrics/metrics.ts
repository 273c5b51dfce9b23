// What does Millrace count and time? Every instrument by name, for the features that feed them and for `/metrics` that shows them.
import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What became of an event; `reason` says why, from the pipeline's own closed sets, and is empty where there is nothing to say. */
export type EventOutcome = 'accepted' | 'duplicate' | 'filtered' | 'rejected' | 'warned';

/** From half a millisecond to ten seconds: an insert takes 5 to 100 ms, a refused key less than one. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** A step takes microseconds. */
const STEP_SECONDS = [1e-6, 5e-6, 2.5e-5, 1e-4, 5e-4, 2.5e-3, 1e-2, 5e-2, 0.25, 1];
const READ_ROWS = [100, 1_000, 10_000, 100_000, 1e6, 1e7, 1e8, 1e9];
const ROWS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/** Every instrument. Each app has its own set, so that two apps in one process don't count into each other.
 *  TRICKY: labels hold words from closed lists only; a project, key, path or event name in one grows memory without bound and
 *  tells a scraper what it may not know. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();

  readonly httpRequestSeconds = this.#histogram(
    'http_request_seconds',
    'Requests by route template, method and status, with the time to the last byte',
    SECONDS,
    ['route', 'method', 'status'],
  );
  readonly httpRequestsInFlight = this.#gauge('http_requests_in_flight', 'Requests that are being answered now');

  /** `share`: ingest or reads; `reason`: requests, delay, bytes or slow_body; see the door. */
  readonly requestsRefused = this.#counter(
    'http_refused_total',
    'Requests answered 503 at the door, by what they were and why',
    ['share', 'reason'],
  );
  readonly requestsAdmitted = this.#gauge('http_admitted_requests', 'Requests that hold a place now', ['share']);
  readonly requestsLimit = this.#gauge('http_admitted_limit', 'Requests that may hold a place now', ['share']);
  readonly bodyBytes = this.#gauge('http_body_bytes', 'Memory of the bodies that are received or worked on');

  /** Observe once a batch, with the time that the step took for all of its events. */
  readonly ingestStepSeconds = this.#histogram(
    'ingest_step_seconds',
    'Time of a pipeline step over the events of one request',
    STEP_SECONDS,
    ['step'],
  );
  /** Feed it through `countEvents`, which closes the set of outcomes. */
  readonly ingestEvents = this.#counter('ingest_events_total', 'Events by what became of them, and why', [
    'outcome',
    'reason',
  ]);
  readonly blockRows = this.#histogram('block_rows', 'Rows of the blocks that were inserted together', ROWS);
  readonly insertSeconds = this.#histogram('insert_seconds', 'Time that ClickHouse took to store a block', SECONDS);
  readonly insertFailures = this.#counter('insert_failures_total', 'Inserts that failed, by kind of failure', ['kind']);

  readonly spoolBlocks = this.#gauge('spool_blocks', 'Blocks on disk that wait for ClickHouse');
  readonly spoolBytes = this.#gauge('spool_bytes', 'Bytes on disk that wait for ClickHouse');
  readonly spoolDamaged = this.#counter('spool_damaged_blocks_total', 'Blocks of the spool that nobody can read');
  readonly spoolDrained = this.#counter('spool_drained_blocks_total', 'Blocks of the spool that reached ClickHouse');

  readonly unknownKeys = this.#counter('unknown_keys_total', 'Requests refused for the key that they brought');
  /** `limit`: which one was reached (`project`, `address`). */
  readonly throttledRequests = this.#counter('throttled_requests_total', 'Requests answered 429, by limit', ['limit']);

  readonly jobs = this.#counter(
    'jobs_total',
    'Jobs by name and outcome (completed, failed: tried again while tries are left)',
    ['job', 'outcome'],
  );
  readonly jobSeconds = this.#histogram('job_seconds', 'Time of a job', [...SECONDS, 60, 600], ['job']);

  /** `purpose`: the constant word that a query carries; `outcome`: ok, or the kind of fault. */
  readonly querySeconds = this.#histogram('clickhouse_query_seconds', 'Time of a query, by purpose', SECONDS, [
    'purpose',
    'outcome',
  ]);

  /** Rows read from tables by queries that came to their end. */
  readonly queryReadRows = this.#histogram('clickhouse_read_rows', 'Rows that a query read, by purpose', READ_ROWS, [
    'purpose',
  ]);
  readonly queryWaitSeconds = this.#histogram(
    'clickhouse_wait_seconds',
    'Time that a query waited for its turn',
    SECONDS,
  );
  readonly queriesRefused = this.#counter('clickhouse_refused_total', 'Queries for which no turn came in time', [
    'purpose',
  ]);

  /** `cache`: hit, shared, joined, miss or bypass; see `CacheState`. */
  readonly statsAnswers = this.#counter('stats_answers_total', 'Answers of statistics, by how they were come by', [
    'cache',
  ]);
  readonly statsCacheBytes = this.#gauge('stats_cache_bytes', 'Memory that kept answers of statistics take');
  readonly statsCacheAnswers = this.#gauge('stats_cache_answers', 'Answers of statistics that are kept in memory');

  /** `outcome`: checked, no_figure, or failed: a store was away. */
  readonly alertChecks = this.#counter('alert_checks_total', 'Checks of alerts, by outcome', ['outcome']);
  /** `outcome`: delivered; failed, to be tried again; dead, after the last try. */
  readonly webhookDeliveries = this.#counter('webhook_deliveries_total', 'Tries to deliver webhooks, by outcome', [
    'outcome',
  ]);

  /** `chore`: the name of a piece of housekeeping; `outcome`: completed or failed. */
  readonly choreRuns = this.#counter('chore_runs_total', 'Runs of housekeeping chores', ['chore', 'outcome']);
  readonly choreSeconds = this.#histogram(
    'chore_seconds',
    'Time of a housekeeping chore',
    [...SECONDS, 60, 600],
    ['chore'],
  );
  readonly choreSucceededAt = this.#gauge(
    'chore_last_success_timestamp_seconds',
    'When a housekeeping chore was last done by this process',
    ['chore'],
  );
  readonly tableBytes = this.#gauge('clickhouse_table_bytes', 'Bytes on disk of a table', ['table']);
  readonly tableRows = this.#gauge('clickhouse_table_rows', 'Rows of a table, deleted and double ones included', [
    'table',
  ]);
  readonly tableParts = this.#gauge('clickhouse_table_parts', 'Parts of a table', ['table']);
  readonly partitionParts = this.#gauge('clickhouse_partition_parts', 'Parts of the partition that has most of them', [
    'table',
  ]);
  readonly crowdedPartitions = this.#gauge('clickhouse_crowded_partitions', 'Partitions with more than 150 parts');
  readonly diskFreeBytes = this.#gauge('clickhouse_disk_free_bytes', 'Room on the fullest disk of ClickHouse');
  readonly diskTotalBytes = this.#gauge('clickhouse_disk_total_bytes', 'Size of that disk');

  readonly rollupSeconds = this.#histogram('rollup_seconds', 'Time of deriving one cell', [...SECONDS, 30, 120]);
  readonly rollupCells = this.#counter('rollup_cells_total', 'Cells that were derived; detailed: rows were kept', [
    'detailed',
  ]);
  readonly rollupLagSeconds = this.#gauge(
    'rollup_lag_seconds',
    'Age of the oldest horizon among projects with newer events, as the worker that looked last saw it',
  );
  readonly rollupStaleRanges = this.#gauge('rollup_stale_ranges', 'Stretches of time that wait to be derived again');
  readonly rollupChecks = this.#counter('rollup_checks_total', 'Cells that were compared with raw events, by outcome', [
    'outcome',
  ]);

  readonly liveStreams = this.#gauge('realtime_streams', 'Streams that are open now');
  readonly liveProjects = this.#gauge('realtime_projects', 'Projects whose events are kept for streams');
  readonly liveMessages = this.#counter('realtime_messages_total', 'Messages that were written to streams');
  /** `outcome`: sent to other processes, or lost as a store was away. */
  readonly liveEvents = this.#counter('realtime_events_total', 'Stored events that other processes watched', [
    'outcome',
  ]);
  /** `reason`: slow_reader; why the server cut a stream off. */
  readonly liveDropped = this.#counter('realtime_dropped_total', 'Streams that were cut off, by reason', ['reason']);
  readonly liveGaps = this.#counter('realtime_gaps_total', 'Times that streams were told of a gap, by reason', [
    'reason',
  ]);

  /** Counts events by outcome.
   *  @param reason a word of a closed set: an exclusion, a problem's code, a warning's code */
  countEvents(outcome: EventOutcome, count: number, reason = ''): void {
    if (count > 0) this.ingestEvents.inc({ outcome, reason }, count);
  }

  #counter<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Counter<T> {
    return new Counter<T>({ name: `millrace_${name}`, help, labelNames, registers: [this.registry] });
  }

  #gauge<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Gauge<T> {
    return new Gauge<T>({ name: `millrace_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram<T extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly T[] = [],
  ): Histogram<T> {
    return new Histogram<T>({ name: `millrace_${name}`, help, buckets, labelNames, registers: [this.registry] });
  }
}
