// Who has an `Idempotency-Key` while its request runs? Whoever claimed it says so again as long as it runs, so that only the key of a
// process that died is free for another request.
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../common/time-range';
import { IdempotencyRepository, type IdempotentRow, type RequestName } from './idempotency.repository';

const KEPT_MS = DAY_MS;

@Injectable()
export class RunningClaims {
  /** How often a request that runs says so. */
  renewEveryMs = 10 * SECOND_MS;
  /** One that did not say so for this long was cut off. Postgres may be away for most of it. */
  abandonedAfterMs = MINUTE_MS;

  constructor(
    private readonly repository: IdempotencyRepository,
    private readonly clock: Clock,
  ) {}

  /** Claims a key for a request.
   *  @returns the claim, to be ended by one of its methods; or the request that has the key */
  async claim(
    name: RequestName,
    requestHash: Buffer,
    personal: boolean,
  ): Promise<{ claim: RunningClaim; first?: undefined } | { claim?: undefined; first: IdempotentRow }> {
    const now = this.clock.now();
    const startedAt = new Date(now);
    const times = {
      now: startedAt,
      expiresAt: new Date(now + KEPT_MS),
      abandonedBefore: new Date(now - this.abandonedAfterMs),
    };
    const first = await this.repository.claim(name, requestHash, times, personal);
    if (first !== undefined) return { first };
    return { claim: new RunningClaim(this.repository, this.clock, name, startedAt, this.renewEveryMs) };
  }
}

/** The right to answer under a key. */
export class RunningClaim {
  readonly #timer: NodeJS.Timeout;
  #renewing: Promise<void> = Promise.resolve();
  /** What its row may say. TRICKY: more than one where it is not known whether a renewal arrived. Another claim of the key says another. */
  #marks: Date[];

  constructor(
    private readonly repository: IdempotencyRepository,
    private readonly clock: Clock,
    private readonly name: RequestName,
    startedAt: Date,
    everyMs: number,
  ) {
    this.#marks = [startedAt];
    this.#timer = setInterval(() => {
      this.#renewing = this.#renewing.then(() => this.#renew());
    }, everyMs).unref();
  }

  /** Keeps the answer. @returns whether the key was still ours */
  async finish(status: number, sealedBody: Buffer): Promise<boolean> {
    await this.stop();
    return this.repository.finish(this.name, this.#marks, status, sealedBody);
  }

  /** Lets go of the key: the request did nothing. */
  async release(): Promise<void> {
    await this.stop();
    await this.repository.release(this.name, this.#marks);
  }

  /** Says no more that the request runs. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
  }

  async #renew(): Promise<void> {
    const next = new Date(this.clock.now());
    const marks = this.#marks;
    this.#marks = [...marks, next];
    try {
      this.#marks = (await this.repository.renew(this.name, marks, next)) ? [next] : marks;
    } catch {
      // Tried again with the next turn of the timer.
    }
  }
}
