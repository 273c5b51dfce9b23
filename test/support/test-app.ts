// How does a test get a server? The real application, in this process, on a free port, with databases of its own.
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { buildApp } from '../../src/app';
import type { AppParts } from '../../src/app.module';
import { LocalAccess } from '../../src/auth/local-access';
import { readEnv, type StoreUrls } from '../../src/config/env';
import { drain } from '../../src/platform/http/drain';
import { Lifecycle } from '../../src/platform/http/lifecycle';
import { makeLogger } from '../../src/platform/logging/logger';
import { someStores } from './shared-stores';

/** A server in this process. */
export interface TestApp {
  /** Origin, e.g. http://127.0.0.1:41234 */
  readonly url: string;
  readonly rootKey: string;
  readonly urls: StoreUrls;
  readonly app: NestFastifyApplication;
  close(): Promise<void>;
}

export interface TestAppOptions {
  /** Variables beside the harness's own. */
  env?: Record<string, string>;
  /** Stores to use; default: new databases on the run's stores. Give those of another app for a second replica. */
  urls?: StoreUrls;
  imports?: AppParts['imports'];
  /** Given where two apps must share it; a new one else. */
  rootKey?: string;
  /** Default: one that writes errors to stdout. */
  log?: Logger;
}

/** Starts the application. Close it in `afterAll`. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const rootKey = options.rootKey ?? randomBytes(24).toString('base64url');
  const urls = options.urls ?? (await someStores());
  const env = readEnv({ LOG_LEVEL: 'error', HOST: '127.0.0.1', PORT: '0', ROOT_API_KEY: rootKey, ...options.env });
  const log = options.log ?? makeLogger(env.LOG_LEVEL);
  const local = new LocalAccess(randomBytes(24).toString('base64url'));
  const app = await buildApp({ env, urls, local, log, imports: options.imports ?? [] });
  await app.listen({ port: env.PORT, host: env.HOST });
  const lifecycle = app.get(Lifecycle);
  lifecycle.ready();
  const { port } = app.getHttpServer().address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    rootKey,
    urls,
    app,
    close: () => drain(app, lifecycle, log, { delayMs: 0, graceMs: 1_000 }),
  };
}
