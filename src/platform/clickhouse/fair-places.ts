// Which question may run now? So many at once, and where more wait, each project in its turn.

/** A question that waits. */
interface Waiting {
  readonly enter: () => void;
}

/** No place came free in time, or too many wait already. */
export class NoPlace extends Error {}

/** The one who asked has gone. */
export class AskerGone extends Error {}

/** Places for questions. The next one goes to the lane that holds the fewest; among equals to the one that has waited longest for a
 *  turn, so that a project with a hundred questions does not keep another's single one waiting. */
export class FairPlaces {
  /** Lanes in the order of their turns. A lane without anybody waiting is not here. */
  readonly #waiting = new Map<number, Waiting[]>();
  readonly #held = new Map<number, number>();
  #running = 0;
  #queued = 0;

  /** @param size how many may run at once; @param longest how many may wait; @param perLane how many of one lane may run at once */
  constructor(
    private readonly size: number,
    private readonly longest = 1_000,
    private readonly perLane = size,
  ) {}

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#queued;
  }

  /** Waits for a place. @param lane whose question it is; @param waitMs how long at most
   *  @returns what gives it back
   *  @throws NoPlace, AskerGone */
  async take(lane: number, waitMs: number, signal?: AbortSignal): Promise<() => void> {
    if (signal?.aborted === true) throw new AskerGone();
    if (this.#running < this.size && this.#heldBy(lane) < this.perLane) this.#hold(lane);
    else if (this.#queued >= this.longest) throw new NoPlace();
    else await this.#wait(lane, waitMs, signal);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#leave(lane);
    };
  }

  #wait(lane: number, waitMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (error: Error): void => {
        done();
        this.#forget(lane, waiting);
        reject(error);
      };
      const gone = (): void => stop(new AskerGone());
      const timer = setTimeout(() => stop(new NoPlace()), waitMs);
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', gone);
      };
      const waiting: Waiting = {
        enter: () => {
          done();
          resolve();
        },
      };
      signal?.addEventListener('abort', gone, { once: true });
      this.#queued += 1;
      const others = this.#waiting.get(lane);
      if (others === undefined) this.#waiting.set(lane, [waiting]);
      else others.push(waiting);
    });
  }

  #forget(lane: number, waiting: Waiting): void {
    const others = this.#waiting.get(lane) ?? [];
    others.splice(others.indexOf(waiting), 1);
    this.#queued -= 1;
    if (others.length === 0) this.#waiting.delete(lane);
  }

  #heldBy(lane: number): number {
    return this.#held.get(lane) ?? 0;
  }

  #hold(lane: number): void {
    this.#running += 1;
    this.#held.set(lane, this.#heldBy(lane) + 1);
  }

  #leave(lane: number): void {
    this.#running -= 1;
    const held = (this.#held.get(lane) ?? 1) - 1;
    if (held === 0) this.#held.delete(lane);
    else this.#held.set(lane, held);
    const next = this.#nextLane();
    if (next === undefined) return;
    const others = this.#waiting.get(next) ?? [];
    const first = others.shift();
    // Its next turn comes after everybody else's.
    this.#waiting.delete(next);
    if (others.length > 0) this.#waiting.set(next, others);
    this.#queued -= 1;
    this.#hold(next);
    first?.enter();
  }

  #nextLane(): number | undefined {
    let best: number | undefined;
    let fewest = this.perLane;
    for (const lane of this.#waiting.keys()) {
      const held = this.#heldBy(lane);
      if (held < fewest) [best, fewest] = [lane, held];
      if (fewest === 0) break;
    }
    return best;
  }
}
