// How does the HTTP server behave before and after any route? Limits, ids, headers, log, and the errors that no route sees.
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  LogController,
  type FastifyError,
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type RawServerDefault,
} from 'fastify';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Env } from '../../config/env';
import { admitRequests, countBodies, wasTurnedAway, type AdmissionEnv } from './admit-requests';
import { parseQuery, refuseRepeated } from './query-string';
import { toProblem } from './problem.filter';
import { hearOut } from './hear-out';
import { answerRaw, badRequest, watchConnections } from './raw-errors';
import { installBodyParsers } from './request-body';
import { requestIdOf } from './request-id';
import { cutStalledReaders } from './stalled-readers';
import { writeProblem } from './write-problem';

/** Largest body of a route that says nothing else. */
export const BODY_LIMIT_BYTES = 1_048_576;
const SLOW_MS = 1_000;

/** Makes the adapter. What is set here holds for every route. */
export function makeAdapter(env: Pick<Env, 'TRUST_PROXY'> & AdmissionEnv, log: Logger): FastifyAdapter {
  const options: FastifyHttpOptions<RawServerDefault> = {
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    requestIdHeader: false,
    genReqId: requestIdOf,
    trustProxy: trusted(env.TRUST_PROXY),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    // A request on a connection that is still open while the server closes is served, and told that the connection ends.
    return503OnClosing: false,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    http: {
      headersTimeout: 15_000,
      connectionsCheckingInterval: 5_000,
      maxHeaderSize: 16_384,
      requireHostHeader: false,
    },
    routerOptions: { maxParamLength: 512, querystringParser: parseQuery },
    frameworkErrors: answerUnrouted,
    clientErrorHandler: (error: NodeJS.ErrnoException, socket: Socket) => answerRaw(error, socket),
  };
  const adapter: FastifyAdapter = new FastifyAdapter<RawServerDefault>(options);
  const instance = adapter.getInstance<FastifyInstance>();
  watchConnections(instance.server);
  cutStalledReaders(instance.server);
  instance.addHook('onRequest', (request, reply, done) => {
    addHeaders(request, reply);
    // Node's own answer to this has no body that a client could read.
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1')
      throw badRequest({ detail: 'The header Host is missing.', headers: { connection: 'close' } });
    refuseRepeated(request.query);
    done();
  });
  instance.addHook('onResponse', (request, reply, done) => {
    logResponse(log, request, reply);
    done();
  });
  hearOut(instance);
  admitRequests(instance, env, log);
  installBodyParsers(instance);
  countBodies(instance);
  return adapter;
}

/** TRICKY: Fastify trusts nobody where it is given a number of hops, as anybody may connect; who configures a number has closed that door. */
const trusted = (proxies: Env['TRUST_PROXY']): false | string[] | ((address: string, hop: number) => boolean) =>
  typeof proxies === 'number' ? proxies > 0 && ((_address, hop) => hop < proxies) : proxies;

/** Answers what the router refused before any hook ran: a path that can't be decoded, a parameter beyond its length. */
function answerUnrouted(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  addHeaders(request, reply);
  void writeProblem(toProblem(error), request, reply);
}

const DOCS = /^\/docs(?:[/?]|$)/;
/** Swagger UI needs its own scripts, and styles in the page. */
const DOCS_POLICY =
  "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";
const API_POLICY = "default-src 'none'; frame-ancestors 'none'";

function addHeaders(request: FastifyRequest, reply: FastifyReply): void {
  const docs = DOCS.test(request.raw.url ?? '');
  reply
    .header('x-request-id', request.id)
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'no-referrer')
    .header('content-security-policy', docs ? DOCS_POLICY : API_POLICY);
  if (!docs) reply.header('cache-control', 'no-store');
}

/** One line for what failed or was slow; the rest only for those who look: an ingest request is not news. */
function logResponse(log: Logger, request: FastifyRequest, reply: FastifyReply): void {
  const durationMs = Math.round(reply.elapsedTime);
  const streamed = String(reply.getHeader('content-type') ?? '').startsWith('text/event-stream');
  const level =
    (reply.statusCode >= 500 && !wasTurnedAway(request)) || (durationMs >= SLOW_MS && !streamed) ? 'info' : 'debug';
  if (!log.isLevelEnabled(level)) return;
  log[level](
    {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions?.url,
      status: reply.statusCode,
      durationMs,
    },
    'request',
  );
}
