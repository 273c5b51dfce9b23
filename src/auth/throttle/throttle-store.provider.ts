// Which store do counts go to? Redis where it is configured, else Postgres.
import type { FactoryProvider } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { StoreUrls } from '../../config/env';
import { Postgres } from '../../platform/postgres/postgres';
import { RedisThrottle } from './redis-throttle';
import { ThrottleRepository } from './throttle.repository';
import { ThrottleStore } from './throttle-store';

/** Provides the `ThrottleStore`. */
export const throttleStore: FactoryProvider<ThrottleStore> = {
  provide: ThrottleStore,
  inject: [StoreUrls, Postgres, Clock],
  useFactory: ({ redis }: StoreUrls, postgres: Postgres, clock: Clock) =>
    redis === undefined ? new ThrottleRepository(postgres) : new RedisThrottle(redis, clock),
};
