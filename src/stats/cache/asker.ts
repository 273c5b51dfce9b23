// Who asks for statistics, and how? The caller, whether kept answers will do, and who is told where the time went.
import {
  type CallHandler,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Observable, tap } from 'rxjs';
import { type Caller, callerOf } from '../../platform/http/caller';
import { Timing } from './timing';

/** A caller of statistics. */
export interface Asker extends Caller {
  /** Asked for with `Cache-Control: no-store`: nothing that is kept is looked at, and nothing is kept. */
  readonly fresh: boolean;
  readonly timing: Timing;
}

const timings = new WeakMap<FastifyRequest, Timing>();

const timingOf = (request: FastifyRequest): Timing => {
  const known = timings.get(request) ?? new Timing();
  timings.set(request, known);
  return known;
};

/** Sends `Server-Timing` with each answer of a controller. */
@Injectable()
export class ServerTiming implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const timing = timingOf(http.getRequest<FastifyRequest>());
    return next
      .handle()
      .pipe(tap(() => void http.getResponse<FastifyReply>().header('server-timing', timing.header())));
  }
}

/** The caller of a route that answers statistics. */
export const CurrentAsker = createParamDecorator((_data: unknown, context: ExecutionContext): Asker => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const { 'cache-control': wish = '' } = request.headers;
  return {
    ...callerOf(context),
    fresh: /(^|[\s,])no-store([\s,]|$)/i.test(wish),
    timing: timingOf(request),
  };
});
