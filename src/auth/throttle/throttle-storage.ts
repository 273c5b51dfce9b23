// Where does @nestjs/throttler count? In counters that are shared between processes and bounded in memory.
import { Injectable } from '@nestjs/common';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { SECOND_MS } from '../../common/time-range';
import { ThrottleCounters } from './throttle-counters';

type ThrottlerRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

/** Start of the names of buckets that all processes share. */
export const PROJECT_BUCKET = 'project:';

/** The throttler's storage. Times in and out are those of its interface: milliseconds in, seconds out. */
@Injectable()
export class ThrottleStorage implements ThrottlerStorage {
  constructor(private readonly counters: ThrottleCounters) {}

  increment(key: string, ttlMs: number, limit: number): Promise<ThrottlerRecord> {
    const rule = { quota: limit, windowSeconds: Math.max(1, Math.round(ttlMs / SECOND_MS)) };
    const whose = key.startsWith(PROJECT_BUCKET) ? 'project' : 'address';
    const { fits, remaining, resetSeconds } = this.counters.take(key, rule, 1, whose);
    return Promise.resolve({
      totalHits: limit - remaining + (fits ? 0 : 1),
      timeToExpire: resetSeconds,
      isBlocked: !fits,
      timeToBlockExpire: fits ? 0 : resetSeconds,
    });
  }
}
