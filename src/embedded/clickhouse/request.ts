// What does an HTTP request ask for? URL, headers and form, sorted into the query, its settings and its parameters.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Body } from './body';
import { fail } from './errors';

/** A request, before its statement is known. */
export interface ClickHouseRequest {
  readonly method: string;
  readonly queryId: string;
  /** From the URL or a form; the body continues it. */
  query: string | undefined;
  readonly database: string | undefined;
  readonly format: string | undefined;
  readonly session: { readonly id: string; readonly timeoutS: number; readonly mustExist: boolean } | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly settings: Map<string, string>;
  readonly parameters: Map<string, string>;
}

/** Parameters of the URL that are no settings. */
const RESERVED = new Set(
  `query database default_format query_id session_id session_timeout session_check close_session user password quota_key stacktrace
  role compress decompress client_protocol_version framing_start_query_id`.split(/\s+/),
);

const MOST_SESSION_SECONDS = 3_600;

/** Reads URL and headers. @throws ServerError 36, 48, 73, 511 for what can't be served */
export function parseRequest(request: IncomingMessage): ClickHouseRequest {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const given = url.searchParams;
  if (given.get('compress') === '1' || given.get('decompress') === '1')
    throw fail(48, "ClickHouse's own compression is not served; use gzip.");
  if (given.has('role') && given.getAll('role').some((role) => role !== '')) throw fail(511, 'There is no such role.');
  const settings = new Map<string, string>();
  const parameters = new Map<string, string>();
  for (const [name, value] of given) {
    if (name.startsWith('param_')) parameters.set(name.slice(6), value);
    else if (!RESERVED.has(name)) settings.set(name, value);
  }
  const method = request.method ?? 'GET';
  if (method !== 'GET' && method !== 'POST' && method !== 'HEAD')
    throw fail(48, `Method ${method} is not served.`, 405);
  // A GET never writes, as in ClickHouse.
  if (method !== 'POST' && !['1', '2'].includes(settings.get('readonly') ?? '')) settings.set('readonly', '2');
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const [basicUser, basicPassword] = basic(header('authorization'));
  return {
    method,
    queryId: given.get('query_id') || randomUUID(),
    query: given.get('query') ?? undefined,
    database: given.get('database') || header('x-clickhouse-database'),
    format: formatName(given.get('default_format') || header('x-clickhouse-format')),
    session: sessionOf(given),
    user: header('x-clickhouse-user') ?? basicUser ?? given.get('user') ?? undefined,
    password: header('x-clickhouse-key') ?? basicPassword ?? given.get('password') ?? undefined,
    settings,
    parameters,
  };
}

/** TRICKY: it becomes a part of the statement. @throws ServerError 73 where it is no name */
function formatName(name: string | undefined): string | undefined {
  if (name !== undefined && !/^\w+$/.test(name)) throw fail(73, 'There is no such format.');
  return name;
}

function basic(header: string | undefined): readonly [string | undefined, string | undefined] {
  const encoded = /^basic\s+(\S+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return [undefined, undefined];
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
}

function sessionOf(given: URLSearchParams): ClickHouseRequest['session'] {
  const id = given.get('session_id');
  if (id === null || id === '') return undefined;
  const timeoutS = Number(given.get('session_timeout') ?? 60);
  if (!(timeoutS > 0 && timeoutS <= MOST_SESSION_SECONDS))
    throw fail(36, `session_timeout must be between 1 and ${MOST_SESSION_SECONDS} seconds.`);
  return { id, timeoutS, mustExist: given.get('session_check') === '1' };
}

const MOST_FORM_BYTES = 64 * 1024 * 1024;

/** Takes query and parameters out of a multipart form, where the body is one. @returns whether it was */
export async function readForm(request: ClickHouseRequest, type: string | undefined, body: Body): Promise<boolean> {
  if (type === undefined || !/^multipart\/form-data\b/i.test(type)) return false;
  const bytes = await body.whole(MOST_FORM_BYTES);
  let form: FormData;
  try {
    form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': type } }).formData();
  } catch {
    throw fail(36, 'The multipart form is damaged.');
  }
  for (const [name, value] of form) {
    if (typeof value !== 'string') throw fail(48, 'External tables are not served.');
    if (name === 'query') request.query = (request.query ?? '') + value;
    else if (name.startsWith('param_')) request.parameters.set(name.slice(6), value);
    else if (!RESERVED.has(name)) request.settings.set(name, value);
  }
  return true;
}
