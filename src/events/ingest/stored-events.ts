// Who wants to know of events as soon as they are stored? Whoever stores a block tells it here, and nobody listening costs nothing.
import { Injectable, Logger } from '@nestjs/common';
import { eventColumns } from '../pipeline';
import type { Block, Entry } from './block';

/** Events of one project that were just stored, each line one JSON list of values in the order of `columns`. */
export interface StoredBatch {
  /** The project's number in the warehouse. */
  readonly project: number;
  readonly columns: readonly string[];
  readonly lines: readonly string[];
}

/** Told once a batch; it must not throw, and nobody waits for it. */
export type StoredListener = (batch: StoredBatch) => void;

@Injectable()
export class StoredEvents {
  readonly #logger = new Logger(StoredEvents.name);
  readonly #listeners = new Set<StoredListener>();

  /** Calls `listener` with what this process stores from now on: for requests, out of the spool, whoever sent it. An event that is
   *  stored a second time may be told a second time. @returns undoes it */
  subscribe(listener: StoredListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Says that a block is stored and readable. @param refused entries of it that the engine did not take */
  tell({ entries, columns = eventColumns }: Block, refused: readonly Entry[] = []): void {
    if (this.#listeners.size === 0 || entries.length === 0) return;
    const not = new Set(refused);
    const linesOf = new Map<number, string[]>();
    for (const entry of entries) {
      if (not.has(entry)) continue;
      const lines = linesOf.get(entry.project);
      if (lines === undefined) linesOf.set(entry.project, [entry.line]);
      else lines.push(entry.line);
    }
    for (const [project, lines] of linesOf)
      for (const listener of this.#listeners) this.#call(listener, { project, columns, lines });
  }

  /** TRICKY: the block is stored, whatever becomes of a listener; a failure here would have it stored again. */
  #call(listener: StoredListener, batch: StoredBatch): void {
    try {
      listener(batch);
    } catch (error) {
      this.#logger.error({ err: error }, 'a listener of stored events failed');
    }
  }
}
