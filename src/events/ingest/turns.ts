// May others be served now? For work that may be long and is done in pieces: no piece but the longest single one keeps the event loop.
import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long one turn may be. */
const TURN_MS = 10;

/** Turns of one piece of work, the first of which begins at once. */
export class Turns {
  #since = performance.now();

  /** Whether it is the others' turn. */
  get isOver(): boolean {
    return performance.now() - this.#since >= TURN_MS;
  }

  /** Waits until the others have had theirs. */
  async next(): Promise<void> {
    await nextTurn();
    this.#since = performance.now();
  }
}
