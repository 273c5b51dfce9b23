// How often may one address guess? Counted here, in bounded memory; a key that is right is never held back by the guesses of others.
import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import { MINUTE_MS } from '../common/time-range';
import { Env } from '../config/env';
import { callerOf } from './addresses';
import { BoundedMap } from './bounded-map';

const MOST_ADDRESSES = 20_000;
/** Look-ups a second that all addresses beyond their limit share: a right key behind a guesser still gets in, a flood does not reach the store. */
const SHARED_LOOKUPS = 50;
const SECOND_MS = 1_000;

interface Attempts {
  count: number;
  until: number;
}

/** Failed attempts per address, in windows of a minute. */
@Injectable()
export class FailedAttempts {
  private readonly attempts = new BoundedMap<string, Attempts>(MOST_ADDRESSES);
  private lookups: Attempts = { count: 0, until: 0 };

  constructor(
    private readonly env: Env,
    private readonly clock: Clock,
  ) {}

  /** Counts one. @returns seconds to wait, where the address has had all it may; else undefined */
  count(address: string): number | undefined {
    const now = this.clock.now();
    const caller = callerOf(address);
    const known = this.attempts.get(caller);
    const current = known !== undefined && known.until > now ? known : { count: 0, until: now + MINUTE_MS };
    current.count += 1;
    this.attempts.set(caller, current);
    return current.count > this.env.AUTH_FAILURES_PER_MINUTE ? Math.ceil((current.until - now) / SECOND_MS) : undefined;
  }

  /** Whether a key that is not remembered may be looked for on behalf of this address. */
  mayLookUp(address: string): boolean {
    const now = this.clock.now();
    const known = this.attempts.get(callerOf(address));
    if (known === undefined || known.until <= now || known.count < this.env.AUTH_FAILURES_PER_MINUTE) return true;
    if (this.lookups.until <= now) this.lookups = { count: 0, until: now + SECOND_MS };
    this.lookups.count += 1;
    return this.lookups.count <= SHARED_LOOKUPS;
  }
}
