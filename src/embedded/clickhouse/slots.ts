// Who may use the engine now? So many at once, the others by what they are for, then in the order in which they came.
import { fail } from './errors';

/** A queue before a number of places. */
export class Slots {
  private free: number;
  private readonly waiting: { readonly enter: () => void; readonly rank: number }[] = [];

  constructor(
    size: number,
    private readonly longest = 1_000,
  ) {
    this.free = size;
  }

  /** Waits for a place. @param rank who has a lower one goes first, as the setting `priority` has it
   *  @returns what gives it back
   *  @throws ServerError 202 where too many wait; 394 where `signal` fires first */
  async take(signal: AbortSignal, rank = 0): Promise<() => void> {
    if (this.free > 0) this.free -= 1;
    else if (this.waiting.length >= this.longest) throw fail(202, 'Too many simultaneous queries.');
    else await this.wait(signal, rank);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const next = this.waiting.shift();
      if (next === undefined) this.free += 1;
      else next.enter();
    };
  }

  private wait(signal: AbortSignal, rank: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.waiting.splice(this.waiting.indexOf(waiting), 1);
        reject(fail(394, 'Query was cancelled.'));
      };
      const enter = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const waiting = { enter, rank };
      if (signal.aborted) {
        reject(fail(394, 'Query was cancelled.'));
        return;
      }
      signal.addEventListener('abort', leave, { once: true });
      const behind = this.waiting.findIndex((other) => other.rank > rank);
      this.waiting.splice(behind === -1 ? this.waiting.length : behind, 0, waiting);
    });
  }
}
