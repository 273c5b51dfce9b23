// One set of instruments an app, for every feature.
import { Global, Module } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics } from 'prom-client';
import { Metrics } from './metrics';
import { observeAdmission } from './observe-admission';
import { observeRequests } from './observe-requests';

/** Provides `Metrics`, watches the process (memory, CPU, handles, garbage collection, event-loop delay) and every request. */
@Global()
@Module({ providers: [Metrics], exports: [Metrics] })
export class MetricsModule {
  // In the constructor, not in onModuleInit: routes are made in between, and a hook has to be there before the server is ready.
  constructor(host: HttpAdapterHost, metrics: Metrics) {
    collectDefaultMetrics({ register: metrics.registry });
    // A process without an API (a worker, a script) has no server to watch.
    const server = host.httpAdapter?.getInstance<FastifyInstance | undefined>();
    if (server === undefined) return;
    observeRequests(server, metrics);
    observeAdmission(server.admission, metrics);
  }
}
