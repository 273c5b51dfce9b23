// Is this failure Postgres being away, or our own mistake? The first is a 503 for the client, the second a bug to be seen.
import { DrizzleQueryError } from 'drizzle-orm';
import { Problem, storeUnavailable } from '../../common/problem';

/** Seconds after which a client may try again: a restart of Postgres takes a few. */
const RETRY_AFTER_SECONDS = 2;

// Classes of SQLSTATE: connection exception, insufficient resources, operator intervention, system error.
const AWAY_CLASSES = new Set(['08', '53', '57', '58']);
const AWAY_SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
// What node-postgres says without a code: texts of pg-pool 3 and pg 8.
const AWAY_MESSAGES =
  /^(timeout exceeded when trying to connect|connection terminated|client has encountered a connection error|client was closed|query read timeout|cannot use a pool after calling end)/i;
const READ_ONLY = '25006';

/** The error that node-postgres gave, without the wrapper that carries the query's parameters. */
export const rootCause = (error: unknown): unknown =>
  error instanceof DrizzleQueryError && error.cause !== undefined ? error.cause : error;

/** SQLSTATE or socket code of a failure, if it has one. */
export const codeOf = (error: unknown): string | undefined => {
  const cause = rootCause(error);
  return typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : undefined;
};

/** Whether Postgres could not be asked or could not answer now, as opposed to refusing what we asked. */
export const isAway = (error: unknown): boolean => {
  const code = codeOf(error);
  if (code !== undefined)
    return (
      AWAY_SOCKET_CODES.has(code) || code === READ_ONLY || (code.length === 5 && AWAY_CLASSES.has(code.slice(0, 2)))
    );
  const cause = rootCause(error);
  if (cause instanceof AggregateError) return cause.errors.some(isAway);
  return cause instanceof Error && AWAY_MESSAGES.test(cause.message);
};

/** Whether a unique rule was broken, and which one.
 *  @param constraint name of the index or constraint; any, if not given */
export const isUniqueViolation = (error: unknown, constraint?: string): boolean => {
  if (codeOf(error) !== '23505') return false;
  const cause = rootCause(error) as { constraint?: string };
  return constraint === undefined || cause.constraint === constraint;
};

/** What a failure means to the caller: a 503 where Postgres is away, else the failure itself without parameters. */
export const asProblem = (error: unknown): unknown => {
  if (error instanceof Problem) return error;
  const cause = rootCause(error);
  return isAway(error)
    ? storeUnavailable({
        detail: 'The database does not answer. Nothing of this request was kept.',
        retryAfterSeconds: RETRY_AFTER_SECONDS,
        cause,
      })
    : cause;
};
