// What is said on a connection that brings no HTTP? There is no request then, only a socket, and maybe an earlier request that is still owed its answer.
import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { bodyTooLarge, type Problem, problem } from '../../common/problem';
import { requestIdOf } from './request-id';
import { PROBLEM_JSON, pathOf, problemBody, problemOfStatus } from './write-problem';

export const badRequest = problem(400, 'bad_request', 'The request is not HTTP that this server reads');
const headersTooLarge = problem(431, 'headers_too_large', 'The headers are too large');
const requestTimeout = problem(408, 'request_timeout', 'The request took too long to arrive');

/** The last request of each connection. */
const latest = new WeakMap<Socket, { request: IncomingMessage; response: ServerResponse }>();
const failed = new WeakSet<Socket>();

/** Remembers what each connection is owed, and refuses what no route is asked about. Call it before the server listens. */
export function watchConnections(server: Server): void {
  server.prependListener('request', (request, response) => latest.set(request.socket, { request, response }));
  // Anything but 100-continue. Node's own answer has no body that a client could read.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const requestId = requestIdOf(request);
    const body = problemBody(problemOfStatus(417)(), pathOf(request.url ?? '/'), requestId);
    response.writeHead(417, { ...headersOf(requestId), 'Content-Length': Buffer.byteLength(body) }).end(body);
  });
}

const headersOf = (requestId: string) => ({
  'Content-Type': PROBLEM_JSON,
  'X-Request-Id': requestId,
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
  Connection: 'close',
});

/** Answers what Node's parser refused, and ends the connection. An answer that is owed goes first and stays whole.
 *  TRICKY: the parser is ahead of the answers. What is written at once would be taken for the answer to the request before. */
export function answerRaw(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  // Each further piece of what can't be read fails again.
  if (failed.has(socket)) return;
  failed.add(socket);
  const thrown = rawProblem(error.code);
  const { request, response } = latest.get(socket) ?? {};
  if (request === undefined || response === undefined || response.writableFinished) return refuse(socket, thrown);
  if (!request.complete) {
    // Its own body is what failed. Of an answer that has begun already nothing more is to come, as it was one without the body.
    if (response.headersSent) socket.end(() => socket.destroy());
    else refuse(socket, thrown);
    return;
  }
  response.once('close', () => (socket.writable ? refuse(socket, thrown) : socket.destroy()));
}

function refuse(socket: Socket, thrown: Problem): void {
  const requestId = requestIdOf({ headers: {} });
  const body = problemBody(thrown, '', requestId);
  const { status } = thrown.kind;
  const headers = Object.entries({ ...headersOf(requestId), 'Content-Length': Buffer.byteLength(body) });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

const rawProblem = (code: string | undefined): Problem => {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return headersTooLarge();
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return bodyTooLarge();
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return requestTimeout();
    case 'HPE_INVALID_METHOD':
      return problemOfStatus(405)();
    default:
      return badRequest();
  }
};
