// Who was cut off lately? A reader that comes back is told why. Pure.

/** When a reader was cut off, and how much it had left unread. */
export interface Drop {
  /** Milliseconds. */
  readonly at: number;
  readonly unreadBytes: number;
}

const MOST = 10_000;

export class DroppedReaders {
  readonly #drops = new Map<string, Drop>();

  /** @param keptMs how long a reader may take to come back */
  constructor(private readonly keptMs: number) {}

  note(mark: string, drop: Drop): void {
    this.#drops.delete(mark);
    this.#drops.set(mark, drop);
    for (const oldest of this.#drops.keys()) {
      if (this.#drops.size <= MOST) break;
      this.#drops.delete(oldest);
    }
  }

  /** What became of a reader that comes back; it is told once. */
  take(mark: string, now: number): Drop | undefined {
    const drop = this.#drops.get(mark);
    this.#drops.delete(mark);
    return drop !== undefined && now - drop.at <= this.keptMs ? drop : undefined;
  }
}
