// Which marks of this process are good now, and how is one written? So that a stream of late events costs Postgres one statement a lease.
import { Injectable } from '@nestjs/common';
import { ChangesRepository } from './changes.repository';
import { monotonic } from './closing-views';
import { type ProjectRange, rangeKey } from './debts';

/** 20,000 take about 4 MB. */
const MOST_KNOWN = 20_000;

/** Ranges by their key. */
export type Ranges = ReadonlyMap<string, ProjectRange>;

@Injectable()
export class Marks {
  readonly #until = new Map<string, number>();

  constructor(private readonly changes: ChangesRepository) {}

  /** Until when a range is marked for certain, by `monotonic`; -Infinity: not known to be. */
  goodUntil(key: string): number {
    return this.#until.get(key) ?? -Infinity;
  }

  /** Marks ranges for so long from now.
   *  @throws what the repository throws */
  async write(ranges: Iterable<ProjectRange>, untilMs: number): Promise<void> {
    const given = [...ranges];
    if (given.length === 0) return;
    // Before the statement is sent: the database counts from a later moment.
    const until = monotonic() + untilMs;
    await this.changes.mark(given, untilMs);
    for (const range of given) {
      const key = rangeKey(range);
      const known = this.goodUntil(key);
      this.#until.delete(key);
      this.#until.set(key, Math.max(known, until));
    }
    for (const key of this.#until.keys()) {
      if (this.#until.size <= MOST_KNOWN) break;
      this.#until.delete(key);
    }
  }
}
