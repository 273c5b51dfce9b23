// What does a request set for its own statement? Settings and parameters, quoted so that a value never becomes SQL.
import { fail } from './errors';

/** A text as a literal of ClickHouse's SQL. */
export const literal = (text: string): string =>
  `'${text.replace(/[\\'\0]/g, (char) => (char === '\0' ? '\\0' : `\\${char}`))}'`;

/** A name as an identifier of ClickHouse's SQL. */
export const identifier = (name: string): string => `\`${name.replace(/[\\`]/g, (char) => `\\${char}`)}\``;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What concerns the HTTP exchange and means nothing to the engine. */
const OF_HTTP = new Set([
  'enable_http_compression',
  'http_zlib_compression_level',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'wait_end_of_query',
  'http_wait_end_of_query',
  'buffer_size',
  'http_response_buffer_size',
  'cancel_http_readonly_queries_on_client_close',
  'http_write_exception_in_output_format',
]);

/** `SET …` for one request, or nothing where there is nothing to set.
 *  @throws ServerError 115 for a name that can't be one */
export function setStatement(
  settings: ReadonlyMap<string, string>,
  parameters: ReadonlyMap<string, string>,
): string | undefined {
  const parts: string[] = [];
  for (const [name, value] of settings) {
    if (!NAME.test(name)) throw fail(115, `Unknown setting '${name.replace(/[^\w .-]/g, '?')}'.`);
    if (!OF_HTTP.has(name) && name !== 'readonly') parts.push(`${name} = ${literal(value)}`);
  }
  for (const [name, value] of parameters) {
    if (!NAME.test(name)) throw fail(36, 'A parameter has a name that cannot be one.');
    parts.push(`param_${name} = ${literal(value)}`);
  }
  // Last, as nothing can be set after it.
  const readonly = settings.get('readonly');
  if (readonly !== undefined) parts.push(`readonly = ${literal(readonly)}`);
  return parts.length === 0 ? undefined : `SET ${parts.join(', ')}`;
}

/** Whether a setting of the HTTP exchange is on. */
export const isOn = (settings: ReadonlyMap<string, string>, name: string): boolean =>
  ['1', 'true'].includes((settings.get(name) ?? '').toLowerCase());
