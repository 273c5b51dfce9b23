// Where did the time of an answer go? Collected while it is worked out, and sent as `Server-Timing`. Pure.
import type { StatsAnswer } from '../stats.types';

/** How an answer was come by. `hit`: kept by this process; `shared`: kept by another; `joined`: somebody had just asked the same;
 *  `miss`: it was worked out; `bypass`: it was worked out as nothing that is kept was wanted. */
export const CACHE_STATES = ['hit', 'shared', 'joined', 'miss', 'bypass'] as const;
export type CacheState = (typeof CACHE_STATES)[number];

/** The times of one request. */
export class Timing {
  readonly #began = performance.now();
  readonly #entries: string[] = [];

  /** One question of the request. @param lookMs how long it took to see whether a kept answer holds */
  answered(state: CacheState, cost: StatsAnswer['cost'], lookMs?: number): void {
    this.#entries.push(`cache;desc=${state}`);
    if (lookMs !== undefined) this.#entries.push(`version;dur=${shown(lookMs)}`);
    if (cost === undefined) return;
    this.#entries.push(entry('query', cost.ms, cost.rows));
    const parts = new Map<string, { ms: number; rows: number }>();
    for (const { name, ms, rows } of cost.parts) {
      const sum = parts.get(name) ?? { ms: 0, rows: 0 };
      parts.set(name, { ms: sum.ms + ms, rows: sum.rows + rows });
    }
    for (const [name, { ms, rows }] of parts) this.#entries.push(entry(name, ms, rows));
  }

  /** The header's value, the time up to now included. */
  header(): string {
    return [...this.#entries, `total;dur=${shown(performance.now() - this.#began)}`].join(', ');
  }
}

const shown = (ms: number): string => String(Math.round(ms * 10) / 10);
const entry = (name: string, ms: number, rows: number): string => `${name};dur=${shown(ms)};desc="rows ${rows}"`;
