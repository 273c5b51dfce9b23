// What travels from a request to the warehouse? Entries and rejects, already encoded; a block is what shares one insert.
import { gunzipSync, gzipSync } from 'node:zlib';
import { eventColumns } from '../pipeline';

/** An accepted event. Its line never changes again, so storing it twice leaves one row. */
export interface Entry {
  /** The project's number in the warehouse. */
  readonly project: number;
  /** UUID, lower case. */
  readonly id: string;
  /** The client named it: the same id may come again. An id of ours can't. */
  readonly idGiven: boolean;
  /** Whether a retry has the same sort key; not where the server set or corrected the time, or derived the visitor. */
  readonly keyStable: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Hashes as decimal text; "0" is none. */
  readonly visitor: string;
  readonly user: string;
  /** JSONCompactEachRow, in the order of `eventColumns`. */
  readonly line: string;
}

/** A refused event that is kept with its reason. */
export interface Reject {
  readonly project: number;
  /** JSONCompactEachRow, in the order of `rejectColumns`. */
  readonly line: string;
}

/** What one insert stores. `id` names it towards the engine: the same block sent twice is dropped there. */
export interface Block {
  readonly id: string;
  readonly entries: readonly Entry[];
  readonly rejects: readonly Reject[];
  /** Columns of the entries' lines, where they were written by another release than the one that stores them. */
  readonly columns?: readonly string[];
}

/** Names an event across projects. */
export const keyOf = (entry: Pick<Entry, 'project' | 'id'>): string => `${entry.project}:${entry.id}`;

/** A block as it lies in the spool, with its columns: it may outlive this release. */
export const packBlock = (block: Block): Buffer =>
  gzipSync(JSON.stringify({ columns: eventColumns, ...block }), { level: 1 });

/** The block that `packBlock` packed. */
export const unpackBlock = (body: Buffer): Block => JSON.parse(gunzipSync(body).toString('utf8')) as Block;
