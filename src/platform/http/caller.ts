// Who waits for the answer, and is it still there? A query whose client has gone away is stopped.
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Whom an answer is for: the request's id for the log, and a signal that aborts when the client goes away. */
export interface Caller {
  readonly requestId: string;
  readonly signal: AbortSignal;
}

/** The request's id, and a signal that aborts when the connection closes before the answer is complete. */
export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext) => callerOf(context));

/** The same, for decorators that say more of a caller. */
export const callerOf = (context: ExecutionContext): Caller => {
  const http = context.switchToHttp();
  const { raw } = http.getResponse<FastifyReply>();
  const gone = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort();
  });
  return { requestId: http.getRequest<FastifyRequest>().id, signal: gone.signal };
};
