// What is left after the request? Events are counted while it is handled, so the header is written again when it is done.
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { tap, type Observable } from 'rxjs';
import { EventThrottle } from './event-throttle';
import { rateLimitHeaders } from './rate-limit-headers';

/** Corrects `RateLimit` for projects with a limit of their own. */
@Injectable()
export class RateLimitInterceptor implements NestInterceptor {
  constructor(private readonly events: EventThrottle) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { auth, rateLimits } = context.switchToHttp().getRequest<FastifyRequest>();
    const project = auth?.project;
    const [requests] = rateLimits ?? [];
    if (requests === undefined || project === undefined || project.settings.rateLimit === null) return next.handle();
    return next.handle().pipe(
      tap(() => {
        const reply = context.switchToHttp().getResponse<FastifyReply>();
        const events = this.events.standing(project);
        if (events === undefined || reply.sent || reply.raw.headersSent) return;
        reply.header('RateLimit', rateLimitHeaders([requests, events]).RateLimit);
      }),
    );
  }
}
