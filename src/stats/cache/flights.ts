// Which questions are being answered at this moment? Who asks one of them again waits for the same answer.
import { goneAway } from '../../platform/clickhouse/query-limits';

/** A question that is being answered. */
export interface Flight<T> {
  /** Waits for the answer. Whoever waits no longer leaves; with the last one the question ends.
   *  @throws what the work throws; goneAway where the signal aborts first */
  wait(signal?: AbortSignal): Promise<T>;
}

/** Questions under way, the latest of each key. `About` is what a later asker must know to decide whether it is their question. */
export class Flights<About, T> {
  readonly #flying = new Map<string, { readonly about: About; readonly flight: Flight<T> }>();

  get size(): number {
    return this.#flying.size;
  }

  /** What is under way under a key. */
  of(key: string): { readonly about: About; readonly flight: Flight<T> } | undefined {
    return this.#flying.get(key);
  }

  /** Begins the work. Its signal aborts when nobody waits any more. */
  begin(key: string, about: About, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const end = new AbortController();
    const forget = (): void => {
      if (this.#flying.get(key) === flying) this.#flying.delete(key);
    };
    let landed = false;
    const result = work(end.signal).finally(() => {
      landed = true;
      forget();
    });
    // Nobody hears of the failure of a question that everybody has left.
    result.catch(() => undefined);
    let waiting = 0;
    const flight: Flight<T> = {
      async wait(signal) {
        waiting += 1;
        const leave = leaving(signal);
        try {
          return await Promise.race([result, leave.gone]);
        } finally {
          leave.stop();
          waiting -= 1;
          if (waiting === 0 && !landed) {
            forget();
            end.abort();
          }
        }
      },
    };
    const flying = { about, flight };
    this.#flying.set(key, flying);
    return flight;
  }
}

/** A promise that fails when somebody goes away. */
const leaving = (signal: AbortSignal | undefined): { gone: Promise<never>; stop: () => void } => {
  let stop = (): void => undefined;
  const gone = new Promise<never>((_resolve, reject) => {
    const leave = (): void => reject(goneAway());
    if (signal?.aborted === true) leave();
    signal?.addEventListener('abort', leave, { once: true });
    stop = () => signal?.removeEventListener('abort', leave);
  });
  return { gone, stop };
};
