// What stands in a message between processes? Events of one project, or word that some were lost. Pure.
import type { LiveEvent } from '../event/live-event';

/** Visitors that were erased: their hashes, and up to when what came of them goes, milliseconds. */
export interface GoneHashes {
  readonly hashes: readonly string[];
  readonly until: number;
}

/** A message, read. */
export interface LiveNews {
  /** The process that sent it. */
  readonly from: string;
  readonly events: readonly LiveEvent[];
  /** Events were stored that could not be sent. */
  readonly lost: boolean;
  readonly gone?: GoneHashes;
}

/** As many events a message as fit. @param mostBytes of a payload; each event fits alone */
export function* packEvents(from: string, events: readonly LiveEvent[], mostBytes: number): Generator<string> {
  const head = `{"from":${JSON.stringify(from)},"events":[`;
  const room = mostBytes - Buffer.byteLength(head) - 2;
  let packed: string[] = [];
  let bytes = 0;
  for (const event of events) {
    const json = JSON.stringify(event);
    const size = Buffer.byteLength(json) + 1;
    if (packed.length > 0 && bytes + size > room) {
      yield `${head}${packed.join(',')}]}`;
      packed = [];
      bytes = 0;
    }
    packed.push(json);
    bytes += size;
  }
  if (packed.length > 0) yield `${head}${packed.join(',')}]}`;
}

/** Word that events were lost on the way. */
export const packLoss = (from: string): string => JSON.stringify({ from, lost: true });

/** Word that visitors were erased. */
export const packGone = (from: string, gone: GoneHashes): string => JSON.stringify({ from, gone });

/** A payload, read; undefined for what is none of ours: anybody with the store's password may send. */
export const unpack = (payload: string): LiveNews | undefined => {
  try {
    const { from, events, lost, gone } = JSON.parse(payload) as Partial<LiveNews>;
    if (typeof from !== 'string') return undefined;
    const news = { from, events: Array.isArray(events) ? events : [], lost: lost === true };
    return Array.isArray(gone?.hashes) ? { ...news, gone } : news;
  } catch {
    return undefined;
  }
};
