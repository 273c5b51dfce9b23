// How long do requests take, by route? Watches every answer of the server, those of unknown routes too.
import type { FastifyInstance } from 'fastify';
import type { Metrics } from './metrics';

/** Routes that no template stands for share one label, or a scanner's guesses would each make a series. */
const UNMATCHED = 'unmatched';

/** Adds the hooks; call before the server is ready. */
export function observeRequests(server: FastifyInstance, metrics: Metrics): void {
  server.addHook('onRequest', (_request, reply, done) => {
    metrics.httpRequestsInFlight.inc();
    // 'close' comes exactly once, whether the answer was sent whole or the client went away.
    reply.raw.once('close', () => metrics.httpRequestsInFlight.dec());
    done();
  });
  server.addHook('onResponse', (request, reply, done) => {
    const route = request.is404 ? UNMATCHED : (request.routeOptions.url ?? UNMATCHED);
    metrics.httpRequestSeconds.observe(
      { route, method: route === UNMATCHED ? 'any' : request.method, status: reply.statusCode },
      reply.elapsedTime / 1000,
    );
    const { 'x-api-key': key, authorization } = request.headers;
    if (reply.statusCode === 401 && (key ?? authorization) !== undefined) metrics.unknownKeys.inc();
    // Who is known is over the project's limit, who is not has failed too often from one address.
    if (reply.statusCode === 429) metrics.throttledRequests.inc({ limit: isKnown(request) ? 'project' : 'address' });
    done();
  });
}

const isKnown = (request: object): boolean => 'auth' in request && request.auth !== undefined;
