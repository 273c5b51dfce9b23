// How does the HTTP side end? Not ready, then no new connections, then the last answers; nobody is cut off who was being served.
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Lifecycle } from './lifecycle';

/** Drains and closes the application; its shutdown hooks run after the last answer, so that no client is closed under a request.
 *  TRICKY: Nest's own `close()` runs `onModuleDestroy` before it stops the server; here the server has stopped by then.
 *  @param delayMs how long requests are still taken, for load balancers to see that readiness is gone
 *  @param graceMs how long an answer in flight may take from then on */
export async function drain(
  app: NestFastifyApplication,
  lifecycle: Lifecycle,
  log: Logger,
  { delayMs, graceMs }: { delayMs: number; graceMs: number },
): Promise<void> {
  lifecycle.drain();
  // Taken literally by every client that keeps connections: the next request goes elsewhere.
  app.getHttpServer().prependListener('request', (_request, response) => {
    response.setHeader('connection', 'close');
  });
  if (delayMs > 0) await sleep(delayMs);
  const closed = app.getHttpAdapter().getInstance().close();
  await lifecycle.endStreams();
  const late = sleep(graceMs, 'late' as const, { ref: false });
  if ((await Promise.race([closed, late])) === 'late') {
    log.warn('requests were cut off as they did not end in time');
    app.getHttpServer().closeAllConnections();
    await closed;
  }
  await app.close();
}
