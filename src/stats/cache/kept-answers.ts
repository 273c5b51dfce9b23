// Which answers are kept? The ones that were asked for last, as their JSON, in so many bytes of memory and no more.
import { LRUCache } from 'lru-cache';
import type { Metrics } from '../../platform/metrics/metrics';
import type { StatsAnswer } from '../stats.types';
import type { DataVersion } from './data-version';

/** An answer with what it depends on. */
export interface KeptAnswer {
  readonly version: DataVersion;
  /** The answer as JSON: what it weighs can be told, and nobody can change it. */
  readonly json: string;
}

/** One answer takes at most this share of the room, or a single export-like list would drive everything else out. */
const LARGEST_SHARE = 8;
/** What an entry weighs beside its text. */
const ENTRY_BYTES = 400;

/** The answer of an entry. */
export const answerOf = ({ json }: KeptAnswer): StatsAnswer => JSON.parse(json) as StatsAnswer;

/** Answers in memory, least recently used out first. */
export class KeptAnswers {
  readonly #answers: LRUCache<string, KeptAnswer>;

  /** @param bytes room for all of them, more than 0 */
  constructor(
    bytes: number,
    private readonly metrics?: Metrics,
  ) {
    this.#answers = new LRUCache({
      maxSize: bytes,
      maxEntrySize: Math.max(1, Math.floor(bytes / LARGEST_SHARE)),
      sizeCalculation: ({ json }) => ENTRY_BYTES + bytesOf(json),
    });
  }

  get bytes(): number {
    return this.#answers.calculatedSize;
  }

  get size(): number {
    return this.#answers.size;
  }

  get(key: string): KeptAnswer | undefined {
    return this.#answers.get(key);
  }

  /** Keeps an answer instead of the one that was kept under this key; one that is too large is not kept. */
  set(key: string, answer: KeptAnswer): void {
    this.#answers.set(key, answer);
    this.metrics?.statsCacheBytes.set(this.bytes);
    this.metrics?.statsCacheAnswers.set(this.size);
  }
}

/** The engine of JavaScript takes two bytes a character where one does not fit into one. */
const bytesOf = (text: string): number => (/^[\0-\xff]*$/.test(text) ? text.length : 2 * text.length);
