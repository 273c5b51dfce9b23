// Has the project had its share? One bucket a project over all of its routes; where there is no project, one an address.
import { Injectable, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  InjectThrottlerOptions,
  InjectThrottlerStorage,
  ThrottlerGuard,
  type ThrottlerModuleOptions,
  type ThrottlerRequest,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { tooManyRequests } from '../../common/problem';
import { callerOf } from '../addresses';
import { EventThrottle } from './event-throttle';
import { rateLimitHeaders, type NamedStanding } from './rate-limit-headers';
import { PROJECT_BUCKET } from './throttle-storage';

declare module 'fastify' {
  interface FastifyRequest {
    /** Limits of the caller, as they stood when the request was let in. */
    rateLimits?: readonly NamedStanding[];
  }
}

/** Name of the limit of requests. */
export const REQUESTS = 'requests';

/** Counts requests, refuses those beyond the limit, and says on every answer what is left.
 *  TRICKY: it runs after the guard that finds out the project, by the order of registration. */
@Injectable()
export class ProjectThrottlerGuard extends ThrottlerGuard {
  constructor(
    @InjectThrottlerOptions() options: ThrottlerModuleOptions,
    @InjectThrottlerStorage() storage: ThrottlerStorage,
    reflector: Reflector,
    private readonly events: EventThrottle,
  ) {
    super(options, storage, reflector);
  }

  protected override getTracker(request: Record<string, unknown>): Promise<string> {
    const { auth, ip } = request as unknown as FastifyRequest;
    return Promise.resolve(
      auth?.project === undefined ? `address:${callerOf(ip)}` : `${PROJECT_BUCKET}${auth.project.id}`,
    );
  }

  /** Not per handler: whoever is told "120000 a minute" means it of all routes together. */
  protected override generateKey(_context: ExecutionContext, tracker: string, name: string): string {
    return `${tracker}:${name}`;
  }

  protected override async handleRequest({
    context,
    limit,
    ttl,
    throttler,
    blockDuration,
  }: ThrottlerRequest): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const name = throttler.name ?? REQUESTS;
    const key = this.generateKey(context, await this.getTracker(request as unknown as Record<string, unknown>), name);
    const record = await this.storageService.increment(key, ttl, limit, blockDuration, name);
    const requests: NamedStanding = {
      name,
      limit: { quota: limit, windowSeconds: Math.round(ttl / 1_000) },
      standing: { remaining: Math.max(0, limit - record.totalHits), resetSeconds: record.timeToExpire },
    };
    const project = request.auth?.project;
    const events = project === undefined ? undefined : this.events.standing(project);
    if (request.auth !== undefined) {
      request.rateLimits = events === undefined ? [requests] : [requests, events];
      for (const [field, value] of Object.entries(rateLimitHeaders(request.rateLimits))) reply.header(field, value);
    }
    if (record.isBlocked)
      throw tooManyRequests({
        detail: `More than ${limit} requests in ${requests.limit.windowSeconds} seconds.`,
        retryAfterSeconds: record.timeToBlockExpire,
      });
    return true;
  }
}
