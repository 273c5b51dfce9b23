// What does a failure of ClickHouse mean for us? One place sorts its error codes; engine text goes no further than here.
import { ClickHouseError } from '@clickhouse/client';

/** - `away`: not reachable, restarting, overloaded, out of disk, read-only: the same request may succeed later
 *  - `data`: a value of the block does not fit its column: the same block never will
 *  - `limit`: the query needs more time, memory or rows than it was given
 *  - `query`: the statement itself is wrong, which is a defect of ours */
export type FaultKind = 'away' | 'data' | 'limit' | 'query';

/** Which of its limits a query ran into. */
export type QueryLimit = 'time' | 'memory' | 'rows' | 'text';

/** A failure, without the engine's words: those quote values of events. */
export class ClickHouseFault extends Error {
  constructor(
    readonly kind: FaultKind,
    /** ClickHouse's error code; undefined where no answer came at all. */
    readonly code: number | undefined,
    readonly type: string,
    /** Of kind `limit`: which. */
    readonly limit?: QueryLimit,
  ) {
    super(`ClickHouse: ${type}`);
    this.name = 'ClickHouseFault';
  }
}

/** Type of a fault where the memory of the whole server ran out. */
export const SERVER_MEMORY = 'SERVER_MEMORY_EXCEEDED';

/** Codes that say that a value can't be read or does not fit (Common/ErrorCodes.cpp). */
const DATA = new Set([
  6, 25, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 130, 131, 321, 349, 376, 407, 441, 467, 675, 676,
]);
/** TOO_MANY_ROWS, TIMEOUT_EXCEEDED, TOO_SLOW, TOO_DEEP_AST, TOO_BIG_AST, MEMORY_LIMIT_EXCEEDED, TOO_DEEP_RECURSION, TOO_MANY_BYTES,
 *  QUERY_WAS_CANCELLED, TOO_MANY_ROWS_OR_BYTES.
 *  A query that was cancelled, by us or an operator, was cancelled for its time. */
const LIMIT = new Map<number, QueryLimit>([
  [158, 'rows'],
  [159, 'time'],
  [160, 'time'],
  [167, 'text'],
  [168, 'text'],
  [241, 'memory'],
  [306, 'text'],
  [307, 'rows'],
  [394, 'time'],
  [396, 'rows'],
]);
/** SYNTAX_ERROR, which a statement of more than max_query_size has too: it is read no further. */
const SYNTAX = 62;
const TOO_LONG = /max query size exceeded/i;
/** The server's memory ran out, not that of the query: the same question may fit a moment later. */
const OF_ALL = /\(total\)|\bfor user\b|\buser memory limit/i;
/** Syntax, unknown or duplicate names, illegal types and arguments: the statement's own faults. A password that the server no longer takes
 *  (516) is none of them: an operator mends it, and the same statement succeeds then. */
const QUERY = new Set([
  8, 9, 10, 16, 36, 42, 43, 44, 46, 47, 48, 60, 62, 80, 81, 115, 164, 179, 184, 207, 215, 352, 386, 427, 456, 457, 497,
]);

/** Sorts an error of the client.
 *  @param forWrite limits that a read runs into are passing trouble for a write: its block is small and will fit later */
export function toFault(error: unknown, forWrite = false): ClickHouseFault {
  if (error instanceof ClickHouseFault) return error;
  if (error instanceof ClickHouseError) {
    const code = Number(error.code);
    const type = error.type ?? 'UNKNOWN';
    if (DATA.has(code)) return new ClickHouseFault('data', code, type);
    const limit = code === SYNTAX && TOO_LONG.test(error.message) ? 'text' : LIMIT.get(code);
    if (limit !== undefined) {
      if (limit === 'memory' && OF_ALL.test(error.message)) return new ClickHouseFault('away', code, SERVER_MEMORY);
      return forWrite ? new ClickHouseFault('away', code, type) : new ClickHouseFault('limit', code, type, limit);
    }
    return new ClickHouseFault(QUERY.has(code) ? 'query' : 'away', code, type);
  }
  const timedOut = error instanceof Error && /timeout|abort/i.test(`${error.name} ${error.message}`);
  return new ClickHouseFault('away', undefined, timedOut ? 'NO_ANSWER_IN_TIME' : 'NOT_REACHABLE');
}
