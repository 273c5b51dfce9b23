// How does a trial break single answers of ClickHouse? A proxy that knows where a request ends, and does with each what it is told.
import { once } from 'node:events';
import { Agent, createServer, request as ask } from 'node:http';
import { atEnd } from './clean.mjs';

/** What can be done with a request; `undefined`: it passes.
 *  - `{ code, type, status?, text? }`: ClickHouse's own way to say no, without asking ClickHouse
 *  - `{ gateway: status }`: an error page of somebody in between
 *  - `'refuse'`: the connection breaks before anything was passed on
 *  - `'cut-request'`: half of the request reaches ClickHouse, then both connections break
 *  - `'cut-answer'`: ClickHouse does it all and answers; the answer is lost and the connection breaks
 *  - `'half-answer'`: as before, but the head and half of the body arrive
 *  @typedef {undefined | 'refuse' | 'cut-request' | 'cut-answer' | 'half-answer' | { gateway: number }
 *    | { code: number, type: string, status?: number, text?: string }} Action */

/** A request as `decide` sees it: its statement's beginning, and what it does.
 *  @typedef {{ sql: string, kind: 'insert' | 'select' | 'other', table: string | undefined, body: Buffer }} Seen */

/** A proxy before a ClickHouse.
 *  @param target URL of the store @param decide {(seen: Seen) => Action | Promise<Action>} asked before anything is passed on
 *  @param answered {(seen: Seen, status: number) => void | Promise<void>} told when ClickHouse has answered; the answer waits for it */
export async function clickhouseShim(target, decide = () => undefined, answered = () => undefined) {
  const store = new URL(target);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const shim = { url: '', decide, answered };
  const server = createServer({ keepAliveTimeout: 30_000, requestTimeout: 0, maxHeaderSize: 1_048_576 });
  server.on('request', (request, response) => {
    response.on('error', () => undefined);
    void serve(request, response, shim, { store, agent }).catch(() => request.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.port = String(server.address().port);
  shim.url = url.href;
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
    agent.destroy();
  });
  return shim;
}

async function serve(request, response, shim, { store, agent }) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  const seen = look(request.url, body);
  const action = await shim.decide(seen);
  if (action === 'refuse') return request.socket.destroy();
  if (action?.gateway !== undefined)
    return response.writeHead(action.gateway, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>');
  if (action?.code !== undefined) return refuse(response, action);

  const passed = ask({
    host: store.hostname,
    port: store.port,
    path: request.url,
    method: request.method,
    // The body is known by now, so it has a length, and a connection of the store's own.
    headers: {
      ...without(request.headers, ['connection', 'transfer-encoding', 'content-length']),
      'content-length': body.length,
    },
    ...(action === 'cut-request' ? { agent: false } : { agent }),
  });
  if (action === 'cut-request') {
    passed.on('error', () => undefined);
    passed.write(body.subarray(0, body.length >> 1), () => passed.destroy());
    return request.socket.destroy();
  }
  passed.end(body);
  const gone = () => passed.destroy();
  response.once('close', gone);
  const [answer] = await once(passed, 'response');
  if (action === undefined && seen.kind === 'select') {
    response.writeHead(answer.statusCode, headersOf(answer));
    answer.pipe(response);
    return;
  }
  const answerParts = [];
  for await (const part of answer) answerParts.push(part);
  response.off('close', gone);
  await shim.answered(seen, answer.statusCode);
  if (action === 'cut-answer') return request.socket.destroy();
  const text = Buffer.concat(answerParts);
  if (action === 'half-answer') {
    // An empty answer has no half: its head says more than comes.
    response.writeHead(answer.statusCode, { ...headersOf(answer), 'content-length': text.length + 8 });
    response.flushHeaders();
    if (text.length > 1) response.write(text.subarray(0, text.length >> 1));
    // TRICKY: nothing is called back for a write of nothing, and without an end the client would wait for one.
    setTimeout(() => request.socket.destroy(), 5);
    return;
  }
  response.writeHead(answer.statusCode, { ...headersOf(answer), 'content-length': text.length }).end(text);
}

/** The statement is in the URL, or begins the body. */
function look(path, body) {
  const inUrl = new URL(path, 'http://shim').searchParams.get('query') ?? '';
  const sql = `${inUrl}\n${body.subarray(0, 4_096).toString('latin1')}`.trim();
  const table = /^\s*insert\s+into\s+([\w.`"]+)/i.exec(sql)?.[1];
  const kind = table !== undefined ? 'insert' : /\b(select|with)\b/i.test(sql.slice(0, 2_000)) ? 'select' : 'other';
  return { sql, kind, table, body };
}

function refuse(response, { code, type, status = 500, text = 'a scripted failure' }) {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=UTF-8',
    'x-clickhouse-exception-code': String(code),
  });
  response.end(`Code: ${code}. DB::Exception: ${text}. (${type}) (version 26.7.2.1)\n`);
}

const headersOf = (answer) =>
  without(answer.headers, ['connection', 'transfer-encoding', 'content-length', 'keep-alive']);

const without = (headers, names) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
