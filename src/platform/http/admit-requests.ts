// Who is let in by the server, and how is the rest told? Hooks that hold each request's place at the door, and answer those that get none.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { problem } from '../../common/problem';
import type { Env } from '../../config/env';
import { Admission, type Place, type RefusalReason, type ShareName } from './admission';
import { writeProblem } from './write-problem';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `free`: the route is never refused for lack of room, and takes none: probes, and streams, which have limits of their own. */
    admission?: 'free';
  }
  interface FastifyInstance {
    admission: Admission;
  }
  interface FastifyRequest {
    /** The request's place, from when it was let in. */
    place: Place | null;
  }
}

/** More arrives than can be worked on: nothing of the request was looked at or kept. */
export const overloaded = problem(503, 'overloaded', 'The server has more to do than it can');

/** The limits that the door keeps. */
export type AdmissionEnv = Pick<
  Env,
  'ADMIT_EVENT_REQUESTS' | 'ADMIT_OTHER_REQUESTS' | 'ADMIT_EVENT_MB' | 'ADMIT_DELAY_MS' | 'QUERY_TIMEOUT_MS'
>;

const MB = 1_048_576;
const TICK_MS = 100;
/** Those who are told to come back at the same moment would. */
const RETRY_AFTER_SECONDS = [1, 2, 3];
const LOG_EVERY_MS = 10_000;
/** A sender who went away does not end the work on what was sent; work that never answers gives its place back after this. */
const FORGOTTEN_MS = 60_000;

const refused = new WeakSet<FastifyRequest>();

/** Whether the request was turned away at the door: there are too many of them to write each into the log. */
export const wasTurnedAway = (request: FastifyRequest): boolean => refused.has(request);

/** Puts the door in front of the routes; the body of a request that gets no place is not looked at.
 *  TRICKY: call it before the body parsers are installed, and `countBodies` after: compressed bodies count by what they become. */
export function admitRequests(fastify: FastifyInstance, env: AdmissionEnv, log: Logger): void {
  const bytes = env.ADMIT_EVENT_MB * MB;
  const admission = new Admission({
    ingest: { requests: env.ADMIT_EVENT_REQUESTS, delayMs: env.ADMIT_DELAY_MS, bytes },
    // A question may take as long as it may take: what is too long is to wait for a good part of that.
    reads: {
      requests: env.ADMIT_OTHER_REQUESTS,
      delayMs: env.ADMIT_DELAY_MS === 0 ? 0 : Math.max(env.ADMIT_DELAY_MS, env.QUERY_TIMEOUT_MS / 4),
      bytes,
    },
  });
  fastify.decorate('admission', admission);
  fastify.decorateRequest('place', null);
  const noteRefusal = sumsUp(log);

  const turnAway = (share: ShareName, reason: RefusalReason, request: FastifyRequest, reply: FastifyReply): void => {
    refused.add(request);
    admission.onRefused(share, reason);
    noteRefusal();
    const retryAfterSeconds = RETRY_AFTER_SECONDS[Math.floor(Math.random() * RETRY_AFTER_SECONDS.length)] ?? 1;
    void writeProblem(overloaded({ detail: DETAILS[reason], retryAfterSeconds }), request, reply);
  };

  // Not `onRequest`: what that adds to an answer, a page's permission to read it among them, belongs to this one too.
  fastify.addHook('preParsing', (request, reply, payload, done) => {
    const { config } = request.routeOptions;
    if (config.admission === 'free') return done(null, payload);
    const share: ShareName = config.rawBodyBytes === undefined ? 'reads' : 'ingest';
    const giveUp = (): void => {
      request.place?.leave();
      if (reply.sent) return;
      reply.header('connection', 'close').raw.once('finish', () => request.raw.destroy());
      request.raw.pause();
      turnAway(share, 'slow_body', request, reply);
    };
    const place = admission.enter(share, callerOf(request), performance.now(), giveUp);
    if (typeof place === 'string') return turnAway(share, place, request, reply);
    request.place = place;
    reply.raw.once('close', () => {
      if (!place.isWorking) place.leave();
      else setTimeout(() => place.leave(), FORGOTTEN_MS).unref();
    });
    return done(null, payload);
  });

  fastify.addHook('preValidation', (request, reply, done) => {
    const { place } = request;
    const refusal = place?.work(performance.now());
    if (refusal === undefined) return done();
    const share = request.routeOptions.config.rawBodyBytes === undefined ? 'reads' : 'ingest';
    return turnAway(share, refusal, request, reply);
  });

  fastify.addHook('onSend', (request, _reply, payload, done) => {
    request.place?.leave();
    done(null, payload);
  });

  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    admission.tick(now, Math.max(0, now - last - TICK_MS));
    last = now;
  }, TICK_MS);
  timer.unref();
  fastify.addHook('onClose', (_instance, done) => {
    clearInterval(timer);
    done();
  });
}

/** Counts the bytes of bodies as routes will have them.
 *  TRICKY: from when somebody reads them. A listener of ours alone would count as a reader, and the server would then not throw away
 *  what nobody reads: the next request of that connection would wait for ever. */
export function countBodies(fastify: FastifyInstance): void {
  fastify.addHook('preParsing', (request, _reply, payload, done) => {
    const { place } = request;
    const count = (chunk: Buffer): void => place?.receive(chunk.length);
    const onListener = (event: string | symbol): void => {
      if (event !== 'data') return;
      payload.off('newListener', onListener);
      payload.on('data', count);
    };
    if (place !== null) payload.on('newListener', onListener);
    done(null, payload);
  });
}

const DETAILS: Readonly<Record<RefusalReason, string>> = {
  requests: 'Too many requests are being answered. Nothing of this one was kept.',
  delay: 'Requests wait too long for their answers. Nothing of this one was kept.',
  bytes: 'The bodies of too many requests are in memory. Nothing of this one was kept.',
  slow_body: 'The body came too slowly while memory was short. Nothing of it was kept.',
};

/** Whose request it is, as far as its head tells; nobody has looked whether the key is one. */
const callerOf = ({ headers, raw }: FastifyRequest): string => {
  const key = headers['x-api-key'] ?? headers.authorization;
  return typeof key === 'string' ? key : (raw.socket.remoteAddress ?? '');
};

/** One line in ten seconds for all that were refused. */
function sumsUp(log: Logger): () => void {
  let count = 0;
  return () => {
    count += 1;
    if (count > 1) return;
    setTimeout(() => {
      log.warn({ requests: count }, 'more arrived than could be worked on; the rest was refused');
      count = 0;
    }, LOG_EVERY_MS).unref();
  };
}
