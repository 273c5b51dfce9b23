// How does ClickHouse say that something failed? Codes, names, HTTP statuses and the text of its errors.

const names = {
  48: 'NOT_IMPLEMENTED',
  62: 'SYNTAX_ERROR',
  73: 'UNKNOWN_FORMAT',
  115: 'UNKNOWN_SETTING',
  164: 'READONLY',
  194: 'REQUIRED_PASSWORD',
  202: 'TOO_MANY_SIMULTANEOUS_QUERIES',
  216: 'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING',
  236: 'ABORTED',
  307: 'TOO_MANY_BYTES',
  354: 'ZLIB_INFLATE_FAILED',
  372: 'SESSION_NOT_FOUND',
  373: 'SESSION_IS_LOCKED',
  394: 'QUERY_WAS_CANCELLED',
  456: 'UNKNOWN_QUERY_PARAMETER',
  497: 'ACCESS_DENIED',
  511: 'UNKNOWN_ROLE',
  516: 'AUTHENTICATION_FAILED',
  1000: 'POCO_EXCEPTION',
  36: 'BAD_ARGUMENTS',
} as const;

/** Statuses as ClickHouse's HTTP interface gives them (`exceptionCodeToHTTPStatus`); any other code is 500. */
const statuses = new Map<number, number>([
  ...[194].map((code) => [code, 401] as const),
  ...[192, 193, 497, 511, 516].map((code) => [code, 403] as const),
  ...[6, 8, 15, 25, 26, 27, 36, 38, 41, 43, 44, 53, 62, 69, 70, 72, 117, 130, 131, 168, 321, 376, 441, 456, 457].map(
    (code) => [code, 400] as const,
  ),
  ...[46, 47, 50, 56, 60, 63, 73, 78, 79, 81, 115, 336, 372].map((code) => [code, 404] as const),
  ...[307].map((code) => [code, 413] as const),
  ...[159].map((code) => [code, 408] as const),
  ...[48].map((code) => [code, 501] as const),
  ...[202, 209, 439].map((code) => [code, 503] as const),
]);

/** An error as a ClickHouse client sees it. */
export class ServerError extends Error {
  constructor(
    readonly code: number,
    /** `Code: N. DB::Exception: … (NAME)` */
    message: string,
    private readonly fixedStatus?: number,
  ) {
    super(message);
  }

  /** The HTTP status, where nothing was sent yet. */
  get status(): number {
    return this.fixedStatus ?? statuses.get(this.code) ?? 500;
  }
}

/** An error that this server raises by itself. */
export const fail = (code: keyof typeof names, text: string, status?: number): ServerError =>
  new ServerError(code, `Code: ${code}. DB::Exception: ${text} (${names[code]})`, status);

/** The engine's error for a client.
 *  @param offset characters that stood before the client's own text, taken out of the positions that the message names */
export function fromEngine(error: unknown, offset = 0): ServerError {
  if (error instanceof ServerError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const found = /^Code: (\d+)\./.exec(text);
  if (found === null) return fail(1000, 'The server failed.');
  const shift = (value: string): string => String(Math.max(1, Number(value) - offset));
  const message = text
    // What this server has put round the client's statement is nobody's business.
    .replaceAll(/\/\*mr:[\w-]+\*\/ /g, '')
    .replaceAll(/\s*(INTO OUTFILE|FROM INFILE) '[^']*' (TRUNCATE FORMAT \w+|COMPRESSION 'none')/g, '')
    .replace(/failed at position (\d+)/, (_, at: string) => `failed at position ${shift(at)}`)
    .replace(/\(line 1, col (\d+)\)/, (_, at: string) => `(line 1, col ${shift(at)})`);
  return new ServerError(Number(found[1]), message.trimEnd());
}
