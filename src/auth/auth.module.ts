// Everything about who calls and how often: guards for all routes, keys, limits, requests that are done once.
import { Global, Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, DiscoveryModule } from '@nestjs/core';
import { ThrottlerModule } from '@nestjs/throttler';
import { SECOND_MS } from '../common/time-range';
import { Env } from '../config/env';
import { AuthGuard } from './auth.guard';
import { Authenticator } from './authenticator';
import { BrowserAccess } from './browser-access';
import { FailedAttempts } from './failed-attempts';
import { IdempotencyInterceptor } from './idempotency/idempotency.interceptor';
import { IdempotencyRepository } from './idempotency/idempotency.repository';
import { RunningClaims } from './idempotency/running-claims';
import { KeyDirectory } from './key-directory';
import { KeysController } from './keys/keys.controller';
import { KeysService } from './keys/keys.service';
import { KeysRepository } from './keys.repository';
import { RootKey } from './root-key';
import { EventThrottle } from './throttle/event-throttle';
import { RateLimitInterceptor } from './throttle/rate-limit.interceptor';
import { ThrottleCounters } from './throttle/throttle-counters';
import { ProjectThrottlerGuard, REQUESTS } from './throttle/throttle.guard';
import { throttleStore } from './throttle/throttle-store.provider';
import { ThrottleStorage } from './throttle/throttle-storage';
import { Tickets } from './tickets';

const throttling = [throttleStore, ThrottleCounters, ThrottleStorage, EventThrottle];

/** What counts, on its own so that the throttler's options can ask for it. */
@Module({ providers: throttling, exports: throttling })
class ThrottleModule {}

/** Guards every route, and serves a project's keys.
 *  TRICKY: guards run in the order of their registration; limits are per project, so who calls must be known first. */
@Global()
@Module({
  imports: [
    DiscoveryModule,
    ThrottleModule,
    ThrottlerModule.forRootAsync({
      imports: [ThrottleModule],
      inject: [Env, ThrottleStorage],
      useFactory: (env: Env, storage: ThrottleStorage) => ({
        throttlers: [{ name: REQUESTS, limit: env.RATE_LIMIT_REQUESTS, ttl: env.RATE_LIMIT_SECONDS * SECOND_MS }],
        storage,
      }),
    }),
  ],
  controllers: [KeysController],
  providers: [
    Authenticator,
    BrowserAccess,
    FailedAttempts,
    IdempotencyInterceptor,
    IdempotencyRepository,
    KeyDirectory,
    KeysRepository,
    KeysService,
    RootKey,
    RunningClaims,
    Tickets,
    { provide: APP_GUARD, useClass: AuthGuard },
    { provide: APP_GUARD, useClass: ProjectThrottlerGuard },
    { provide: APP_INTERCEPTOR, useClass: RateLimitInterceptor },
  ],
  exports: [
    KeyDirectory,
    KeysService,
    RootKey,
    ThrottleModule,
    Tickets,
    IdempotencyInterceptor,
    IdempotencyRepository,
    RunningClaims,
  ],
})
export class AuthModule {}
