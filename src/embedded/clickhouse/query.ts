// What happens between a request and its answer? Statement found, place taken, connection prepared, run, told.
import { fail, fromEngine } from './errors';
import type { Answer, Summary } from './answer';
import type { Body } from './body';
import type { Connection, Engine } from './engine';
import { discard, receive, runInsert } from './insert';
import type { InsertData } from './insert';
import type { Scratch } from './pipes';
import type { ClickHouseRequest } from './request';
import { answerRows } from './rows';
import type { Progress, RunningQueries, RunningQuery } from './running';
import type { Lease, Sessions } from './sessions';
import { identifier, isOn, literal, setStatement } from './settings';
import type { Slots } from './slots';
import { look } from './statement';
import type { Statement } from './statement';

/** What all requests share. */
export interface Rooms {
  readonly engine: Engine;
  readonly scratch: Scratch;
  readonly sessions: Sessions;
  readonly running: RunningQueries;
  /** Inserts have places of their own, so that slow reads do not starve them. */
  readonly slots: { readonly queries: Slots; readonly inserts: Slots };
  /** Whether statements may reach files, programs and the network. */
  readonly outside: boolean;
}

/** SQL is looked for in so many bytes; what follows an INSERT's FORMAT is data. As ClickHouse's `max_query_size`. */
const PROBE_BYTES = 256 * 1024;
const MOST_SQL_BYTES = 64 * 1024 * 1024;

interface Found {
  readonly text: string;
  readonly statement: Statement;
  readonly data: InsertData | undefined;
}

/** Finds the statement: in the URL, in the body, or in both, one after the other. */
async function find(request: ClickHouseRequest, body: Body, rooms: Rooms): Promise<Found> {
  const inUrl = Buffer.from(request.query ?? '', 'utf8');
  const fromUrl = inUrl.length === 0 ? undefined : begins(inUrl, rooms.outside);
  if (fromUrl?.statement.insert !== undefined) return withData(fromUrl, inUrl, body, rooms);
  const start = inUrl.length === 0 ? inUrl : Buffer.concat([inUrl, Buffer.from('\n')]);
  const probe = await body.upTo(PROBE_BYTES + start.length, start);
  const inBody = begins(probe, rooms.outside);
  if (inBody?.statement.insert !== undefined) return withData(inBody, probe, body, rooms);
  const text = (await body.whole(MOST_SQL_BYTES, probe)).toString('latin1');
  return { text, statement: look(text, rooms.outside), data: undefined };
}

/** The statement of the first bytes, where they hold the start of an INSERT's data. */
function begins(bytes: Buffer, outside: boolean): { text: string; statement: Statement } | undefined {
  const text = bytes.toString('latin1');
  if (!/insert/i.test(text)) return undefined;
  const statement = look(text, outside);
  return statement.insert === undefined ? undefined : { text, statement };
}

async function withData(
  found: { text: string; statement: Statement },
  bytes: Buffer,
  body: Body,
  rooms: Rooms,
): Promise<Found> {
  const at = found.statement.insert!.dataAt;
  const data = await receive(bytes.subarray(at), body, rooms.scratch);
  return { text: found.text.slice(0, at), statement: found.statement, data };
}

const utf8 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8');

/** Serves one request to its end. Errors go to the client.
 *  @param gone fires when the client has left */
export async function serveQuery(
  request: ClickHouseRequest,
  body: Body,
  answer: Answer,
  gone: AbortSignal,
  rooms: Rooms,
): Promise<void> {
  let found: Found | undefined;
  let offset = 0;
  try {
    found = await find(request, body, rooms);
    const query = rooms.running.start(request.queryId, gone);
    offset = query.mark.length;
    try {
      await inPlace(request, found, query, answer, rooms);
    } finally {
      rooms.running.end(query);
    }
  } catch (error) {
    if (!gone.aborted) answer.fail(fromEngine(error, offset));
  } finally {
    if (found?.data !== undefined) await discard(found.data, rooms.scratch);
  }
}

async function inPlace(
  request: ClickHouseRequest,
  found: Found,
  query: RunningQuery,
  answer: Answer,
  rooms: Rooms,
): Promise<void> {
  const { kind } = found.statement;
  const slots = kind === 'insert' ? rooms.slots.inserts : rooms.slots.queries;
  // KILL must not wait behind what it shall stop.
  const leave =
    kind === 'kill' ? undefined : await slots.take(query.gone, Number(request.settings.get('priority')) || 0);
  try {
    const lease = await rooms.sessions.lease(request, found.data !== undefined);
    let wentWell = false;
    try {
      if (!lease.prepared) await prepare(request, found.statement, lease, query);
      await run(request, found, query, lease.connection, answer, rooms);
      wentWell = true;
    } finally {
      await lease.giveBack(wentWell);
    }
  } finally {
    leave?.();
  }
}

/** Database, settings and parameters of this request. */
async function prepare(
  request: ClickHouseRequest,
  statement: Statement,
  lease: Lease,
  query: RunningQuery,
): Promise<void> {
  const settings = new Map(request.settings);
  if (request.parameters.size > 0) for (const [name, value] of Object.entries(query.tag)) settings.set(name, value);
  if (lease.named && settings.has('readonly')) {
    // It could not be taken back from the session, so it is kept by what the statement is.
    const strict = settings.get('readonly') !== '0';
    if (strict && !statement.reads && statement.words[0] !== 'SET')
      throw fail(164, 'Cannot execute query in readonly mode.');
    settings.delete('readonly');
  }
  for (const name of statement.parameters)
    if (lease.left.has(name) && !request.parameters.has(name)) throw fail(456, `Substitution \`${name}\` is not set.`);
  if (request.database !== undefined) await lease.connection.run(`USE ${identifier(request.database)}`);
  const set = setStatement(settings, request.parameters);
  if (set !== undefined) await lease.connection.run(set);
}

async function run(
  request: ClickHouseRequest,
  found: Found,
  query: RunningQuery,
  connection: Connection,
  answer: Answer,
  rooms: Rooms,
): Promise<void> {
  const { statement, text } = found;
  const summary: Summary = {
    readRows: 0,
    readBytes: 0,
    writtenRows: 0,
    writtenBytes: 0,
    resultRows: 0,
    resultBytes: 0,
    startedAt: query.startedAt,
  };
  const format = statement.format?.name ?? request.format ?? 'TabSeparated';
  const progress = isOn(request.settings, 'send_progress_in_http_headers')
    ? watch(query, request, rooms, summary)
    : undefined;
  const seen = progress?.seen ?? [];
  // Writes go on when their client leaves: whether they took effect would be unknown otherwise.
  const stop = (): void => void rooms.running.stop(query);
  if (statement.reads) {
    if (query.gone.aborted) throw fail(394, 'Query was cancelled.');
    query.gone.addEventListener('abort', stop, { once: true });
  }
  try {
    if (found.data !== undefined) {
      const insert = {
        sql: text,
        shape: statement.insert!,
        mark: query.mark,
        data: found.data,
        outside: rooms.outside,
      };
      const done = await runInsert(insert, connection, rooms.scratch);
      Object.assign(summary, { writtenRows: done.rowsWritten, writtenBytes: done.bytesWritten });
      Object.assign(summary, {
        readRows: done.rowsWritten,
        readBytes: done.bytesWritten,
        resultRows: done.rowsWritten,
      });
      answer.begin(undefined, request.settings, summary, seen, 0);
      answer.end();
    } else if (statement.kind === 'rows') {
      const rows = { text, statement, mark: query.mark, format, settings: request.settings, summary, progress: seen };
      await answerRows(rows, connection, rooms.scratch, answer);
    } else {
      const sql = statement.kind === 'kill' ? await withEngineIds(found, rooms) : utf8(text.slice(0, statement.end));
      if (/^(INSERT|WITH)$/.test(statement.words[0] ?? '')) {
        const done = await connection.insert(query.mark + sql, Buffer.alloc(0));
        Object.assign(summary, { writtenRows: done.rowsWritten, writtenBytes: done.bytesWritten });
        answer.begin(undefined, request.settings, summary, seen, 0);
      } else {
        const result = await connection.run(query.mark + sql, format);
        Object.assign(summary, { resultRows: result.rowsRead, resultBytes: result.bytesRead });
        answer.begin(format, request.settings, summary, seen, result.bytes.length);
        await answer.send(result.bytes);
      }
      answer.end();
    }
  } finally {
    progress?.end();
    query.gone.removeEventListener('abort', stop);
  }
}

/** `KILL QUERY WHERE query_id = '…'` with the ids that the engine knows, and without SYNC, which does not answer. */
async function withEngineIds(found: Found, rooms: Rooms): Promise<string> {
  const { statement, text } = found;
  let sql = '';
  let at = 0;
  for (const token of statement.strings) {
    const raw = utf8(text.slice(token.start, token.end));
    const running = rooms.running.find(raw.slice(1, -1));
    const engineId = running === undefined ? undefined : await rooms.running.engineId(running);
    sql += utf8(text.slice(at, token.start)) + (engineId === undefined ? raw : literal(engineId));
    at = token.end;
  }
  sql += utf8(text.slice(at, statement.end));
  return sql.replace(/\bSYNC\b(?!.*['"`])/is, 'ASYNC');
}

/** Notes how far the statement is, from time to time. */
function watch(
  query: RunningQuery,
  request: ClickHouseRequest,
  rooms: Rooms,
  summary: Summary,
): { readonly seen: Progress[]; end(): void } {
  const seen: Progress[] = [];
  const everyMs = Math.max(50, Number(request.settings.get('http_headers_progress_interval_ms')) || 100);
  let asking = false;
  const ask = async (): Promise<void> => {
    const one = await rooms.running.progress(query);
    if (one === undefined) return;
    seen.push(one);
    summary.readRows = Number(one['read_rows']);
    summary.readBytes = Number(one['read_bytes']);
  };
  const timer = setInterval(() => {
    if (asking || seen.length >= 100) return;
    asking = true;
    // Progress is a courtesy: a statement does not fail because of it.
    void ask()
      .catch(() => undefined)
      .finally(() => (asking = false));
  }, everyMs);
  return { seen, end: () => clearInterval(timer) };
}
