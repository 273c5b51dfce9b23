// How long does an erasure wait for others? For writers that may not know of it yet, and for readers that began before it.
import { Injectable } from '@nestjs/common';
import { Env } from '../../config/env';

/** Milliseconds. A test takes shorter ones. */
@Injectable()
export class ErasureTimes {
  /** Each process looks so often who was erased. */
  readonly pollMs: number = 1_000;
  /** What a process knows is at most so old, or it says so: it remembers whom it stored meanwhile. */
  readonly viewMs: number = 3_000;
  /** After an erasure is noted: every process knows, and the last insert that did not is over. */
  readonly writersMs: number;
  /** After derived rows have no pointer any more: whoever saw it is done reading. */
  readonly readersMs: number;
  /** Between the first that is hidden and the rewriting of parts: it costs the same for one as for a thousand, so they go together. */
  readonly gatherMs: number = 30_000;

  constructor(env: Env) {
    this.writersMs = this.viewMs + env.INSERT_TIMEOUT_MS;
    this.readersMs = env.QUERY_TIMEOUT_MS + 3_000;
  }
}
