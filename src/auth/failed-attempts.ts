// How often may one address guess? Counted in bounded memory, with all processes together; a key that is right is never held back by the guesses of others.
import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import { MINUTE_MS, SECOND_MS } from '../common/time-range';
import { Env } from '../config/env';
import { callerOf } from './addresses';
import { type Limit, ThrottleCounters } from './throttle/throttle-counters';

/** Look-ups a second that all addresses beyond their limit share: a right key behind a guesser still gets in, a flood does not reach the store. */
const SHARED_LOOKUPS = 50;

/** Failed attempts per address, in windows of a minute. */
@Injectable()
export class FailedAttempts {
  private readonly limit: Limit;
  private lookups = { count: 0, until: 0 };

  constructor(
    env: Env,
    private readonly counters: ThrottleCounters,
    private readonly clock: Clock,
  ) {
    this.limit = { quota: env.AUTH_FAILURES_PER_MINUTE, windowSeconds: MINUTE_MS / SECOND_MS };
  }

  /** Counts one. @returns seconds to wait, where the address has had all it may; else undefined */
  count(address: string): number | undefined {
    const { fits, resetSeconds } = this.counters.take(bucketOf(address), this.limit, 1, 'address');
    return fits ? undefined : resetSeconds;
  }

  /** Whether a key that is not remembered may be looked for on behalf of this address. */
  mayLookUp(address: string): boolean {
    if (this.counters.look(bucketOf(address), this.limit, 'address').remaining > 0) return true;
    const now = this.clock.now();
    if (this.lookups.until <= now) this.lookups = { count: 0, until: now + SECOND_MS };
    this.lookups.count += 1;
    return this.lookups.count <= SHARED_LOOKUPS;
  }
}

const bucketOf = (address: string): string => `failed:${callerOf(address)}`;
