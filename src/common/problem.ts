// What does an error say to a client? RFC 9457 problems: each is a named thing that its feature owns; one filter writes them.

/** One fault of an input: where it is (`path`, dots and indexes, "" for the whole), a stable `code`, and a sentence. */
export interface FieldError {
  path: string;
  code: string;
  message: string;
}

/** The fixed part of a problem: what never differs between two occurrences. */
export interface ProblemKind {
  readonly status: number;
  readonly code: string;
  readonly title: string;
}

/** The part of a problem that belongs to one occurrence. */
export interface ProblemExtra {
  detail?: string;
  errors?: readonly FieldError[];
  /** Seconds after which it makes sense to try again; sent as `Retry-After`. */
  retryAfterSeconds?: number;
  headers?: Readonly<Record<string, string>>;
  /** What lies under it: for the log, never for the client. */
  cause?: unknown;
}

const TOLD_FAULTS = 3;

/** This occurrence in words: those it brought, else the first faults of its input, else those of its kind. */
const wordsOf = ({ title }: ProblemKind, { detail, errors = [] }: ProblemExtra): string => {
  const faults = errors
    .slice(0, TOLD_FAULTS)
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  if (errors.length > TOLD_FAULTS) faults.push(`${errors.length - TOLD_FAULTS} more`);
  return detail ?? (faults.join('; ') || title);
};

/** An error that is meant for the client; its message is what it is told as `detail`. */
export class Problem extends Error {
  constructor(
    readonly kind: ProblemKind,
    readonly extra: ProblemExtra = {},
  ) {
    super(wordsOf(kind, extra), { cause: extra.cause });
    this.name = 'Problem';
  }
}

/** Makes a problem's maker: `const funnelNameTaken = problem(409, 'funnel_name_taken', 'A funnel of this name exists')`,
 *  then `throw funnelNameTaken({ detail })`. The kind is readable for the documentation as `funnelNameTaken.kind`. */
export interface ProblemMaker {
  (extra?: ProblemExtra): Problem;
  readonly kind: ProblemKind;
}

/** Declares a problem that a feature can throw. `code` is part of the contract: never renamed. */
export const problem = (status: number, code: string, title: string): ProblemMaker => {
  const kind: ProblemKind = { status, code, title };
  return Object.assign((extra?: ProblemExtra) => new Problem(kind, extra), { kind });
};

/** Input that breaks a rule; `errors` says which and where. */
export const invalidInput = problem(400, 'invalid_input', 'The request is not valid');
/** The body as a whole can't be read: not JSON, not UTF-8, cut short. */
export const unreadableBody = problem(400, 'unreadable_body', 'The body cannot be read');
export const bodyTooLarge = problem(413, 'body_too_large', 'The body is too large');
export const unsupportedMedia = problem(
  415,
  'unsupported_media_type',
  'The body has a type or encoding that is not supported',
);
export const unauthorized = problem(401, 'unauthorized', 'A valid API key is required');
export const forbidden = problem(403, 'forbidden', 'The API key may not do this');
export const notFound = problem(404, 'not_found', 'There is nothing here');
export const tooManyRequests = problem(429, 'too_many_requests', 'The limit is reached');
/** A store that the answer needs can't be reached or can't take more now. Never an empty answer instead. */
export const storeUnavailable = problem(503, 'store_unavailable', 'A store is not available');
/** The question is too big to be answered within its limits. */
export const queryTooLarge = problem(422, 'query_too_large', 'The query needs more than its limits allow');
export const internalError = problem(500, 'internal_error', 'Something went wrong on our side');
