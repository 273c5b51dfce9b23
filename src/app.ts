// How is the application put together? The same for the server, a test and a tool: everything but listening.
import 'reflect-metadata';
import { RequestMethod } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { AppModule, type AppParts } from './app.module';
import { makeAdapter } from './platform/http/fastify';
import { setUpOpenApi } from './platform/http/openapi';
import { serveOperationsOnly } from './platform/http/worker-routes';
import { ProblemFilter } from './platform/http/problem.filter';
import { UnknownParameters } from './platform/http/unknown-parameters';
import { makeValidationPipe } from './platform/http/validation.pipe';
import { NestLogger } from './platform/logging/logger';

/** Path under which the API lives; operations (health, metrics, docs) stand beside it. */
export const API_PREFIX = 'api/v1';

/** Builds the application; `listen` or `init` is the caller's. Migrations run here, as providers are made.
 *  @param parts `preview`: routes only, for their documentation; nothing is made, and nothing can be served
 *  @throws where a module can't start, with its own reason */
export async function buildApp(parts: AppParts & { log: Logger; preview?: boolean }): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.forRoot(parts),
    makeAdapter(parts.env, parts.log),
    {
      logger: new NestLogger(parts.log),
      // Fastify's own JSON parser is the stricter one; forms are not taken at all.
      bodyParser: false,
      abortOnError: false,
      preview: parts.preview ?? false,
    },
  );
  if (!parts.env.ROLES.includes('api')) serveOperationsOnly(app.getHttpAdapter().getInstance());
  app.setGlobalPrefix(API_PREFIX, {
    exclude: [
      { path: 'health/*path', method: RequestMethod.GET },
      { path: 'metrics', method: RequestMethod.GET },
    ],
  });
  app.useGlobalInterceptors(new UnknownParameters());
  app.useGlobalPipes(makeValidationPipe());
  app.useGlobalFilters(new ProblemFilter(parts.log));
  setUpOpenApi(app);
  return app;
}
