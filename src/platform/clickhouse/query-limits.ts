// How much may a query take, and what is said where that is not enough? Time, memory and rows, for each query by its own settings.
import type { ClickHouseSettings } from '@clickhouse/client';
import { invalidInput, problem, type Problem, queryTooLarge, storeUnavailable } from '../../common/problem';
import type { Env } from '../../config/env';
import { type ClickHouseFault, SERVER_MEMORY } from './faults';

/** What a query may take. */
export interface QueryLimits {
  /** 0: as long as it takes. */
  readonly timeoutMs: number;
  readonly memoryBytes: number;
  /** Rows read by all parts of the query together; 0: any number. */
  readonly rows: number;
}

const MEGABYTE = 1_048_576;

/** What a question may take whose asker says nothing else. */
export const defaultLimits = (
  env: Pick<Env, 'QUERY_TIMEOUT_MS' | 'QUERY_MEMORY_MB' | 'QUERY_MAX_ROWS'>,
): QueryLimits => ({
  timeoutMs: env.QUERY_TIMEOUT_MS,
  memoryBytes: env.QUERY_MEMORY_MB * MEGABYTE,
  rows: env.QUERY_MAX_ROWS,
});

/** The limits as the engine takes them. At half of its memory a query goes on with the disk's help, more slowly. */
export const limitSettings = ({ timeoutMs, memoryBytes, rows }: QueryLimits): ClickHouseSettings => ({
  ...(timeoutMs === 0 ? {} : { max_execution_time: timeoutMs / 1000 }),
  max_memory_usage: String(memoryBytes),
  max_bytes_before_external_group_by: String(Math.floor(memoryBytes / 2)),
  max_bytes_before_external_sort: String(Math.floor(memoryBytes / 2)),
  ...(rows === 0 ? {} : { max_rows_to_read: String(rows) }),
});

const ADVICE =
  'Ask for a shorter range, fewer dimensions or a narrower filter, or for precision=auto where it was exact.';

const words = ({ limit, type }: ClickHouseFault, limits: QueryLimits): string => {
  if (type === SERVER_MEMORY) return 'it needs more memory than the warehouse has';
  if (limit === 'memory')
    return `it needs more than the ${Math.floor(limits.memoryBytes / MEGABYTE)} megabytes of memory that a query may take`;
  if (limit === 'text') return 'it has more filters, those of goals and steps counted, than a query can hold';
  if (limit === 'rows')
    return `it reads more than the ${limits.rows.toLocaleString('en-US')} rows that a query may read`;
  return `it takes longer than the ${limits.timeoutMs / 1000} seconds that a query may take`;
};

/** Nobody is there to read this: it keeps a query that was stopped for its client out of the log of failures. */
const clientGone = problem(499, 'client_gone', 'The client went away');
const RETRY_AFTER_S = 2;

/** The answer for who is not there any more. */
export const goneAway = (): Problem => clientGone();

/** No turn came in time. */
export const tooBusy = (cause: unknown): Problem =>
  storeUnavailable({
    detail: 'Too many other questions are being answered at the moment.',
    retryAfterSeconds: RETRY_AFTER_S,
    cause,
  });

/** CANNOT_COMPILE_REGEXP: the one fault of a statement that input can cause. */
const BAD_REGEXP = 427;

/** What a caller of a read is told; undefined for a defect of ours. */
export function problemOf(fault: ClickHouseFault, limits: QueryLimits): Problem | undefined {
  if (fault.kind === 'away') return storeUnavailable({ retryAfterSeconds: RETRY_AFTER_S, cause: fault });
  if (fault.kind === 'limit') {
    const message = words(fault, limits);
    return queryTooLarge({
      detail: `The question is too big: ${message}. ${ADVICE}`,
      errors: [{ path: '', code: `${fault.limit ?? 'time'}_limit`, message }],
      cause: fault,
    });
  }
  if (fault.code === BAD_REGEXP)
    return invalidInput({
      errors: [{ path: 'filters', code: 'invalid_pattern', message: 'must be a regular expression that RE2 accepts' }],
      cause: fault,
    });
  return undefined;
}
