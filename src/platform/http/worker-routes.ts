// What does a process answer that is no API server? Probes and metrics: no load balancer should send anybody to it.
import type { FastifyInstance } from 'fastify';
import { notFound } from '../../common/problem';

const OPERATIONS = /^\/(?:health\/|metrics(?:[/?]|$))/;

/** Makes every other path one that does not exist. Call it before routes are made. */
export function serveOperationsOnly(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, _reply, done) => {
    if (OPERATIONS.test(request.raw.url ?? '')) done();
    else done(notFound({ detail: 'This process is a worker: it serves probes and metrics only.' }));
  });
}
