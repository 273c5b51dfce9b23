// How old may what a writer knows be, and how long are its promises good? One place, as writers and the refresher count on each other's numbers.
import { Injectable } from '@nestjs/common';
import { Env } from '../../config/env';

/** A writer's view of `closing` may be so old when its insert begins. */
const VIEW_MS = 5_000;
/** A mark is good for so long beyond the insert that it was written for: a stream of late events writes it once in that time. */
const LEASE_MS = 30_000;
/** For what lies between looking at the clock and acting on it. */
const MARGIN_MS = 2_000;

/** The protocol's times, milliseconds. A test takes shorter ones. */
@Injectable()
export class ChangeTimes {
  readonly viewMs: number = VIEW_MS;
  readonly leaseMs: number = LEASE_MS;
  readonly marginMs: number = MARGIN_MS;
  /** Of a writer that somebody waits for. */
  readonly insertMs: number;

  constructor(env: Env) {
    this.insertMs = env.INSERT_TIMEOUT_MS;
  }

  /** How long after the announcement of a `closing` the events before it are read.
   *
   *  Why that is safe. A writer looks at `closing` at V (measured before it asks), inserts what is not late without a mark, and looks at
   *  the clock again at F, when the insert is in the warehouse and before it is acknowledged. A closing that it did not see was announced
   *  after V, and events before it are read at R > V + GRACE.
   *  - F <= V + GRACE: then F < R, and what was inserted is read.
   *  - F > V + GRACE: the writer looks again, at V2 >= F, and marks what is late by now. A closing that it does not see then was announced
   *    after V2, so it is read after F; one that it sees is covered by the mark, which is there before the acknowledgement.
   *  V is at most VIEW_MS before the insert and the insert takes at most INSERT_TIMEOUT_MS, so the second case is the exception.
   *  A mark that is good until U protects what is in the warehouse by U: it is read only after U. Where F > U it is written again. */
  get graceMs(): number {
    return this.viewMs + this.insertMs + this.marginMs;
  }
}
