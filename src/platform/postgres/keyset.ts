// Which rows of a list come after the last one that was seen? Rows are ordered by when they were made, then by id.
import { and, eq, gt, lt, or, type Column, type SQL } from 'drizzle-orm';

/** The last row of the page before; the moment in milliseconds. */
export interface SeenRow {
  readonly createdAt: number;
  readonly id: string;
}

/** The condition of the next page; undefined where nothing was seen yet.
 *  @param at the column of the moment, a timestamp
 *  @param id the column of the id
 *  @param order both columns rise where the oldest row comes first, and fall where the newest does */
export const rowsAfter = (
  at: Column,
  id: Column,
  seen: SeenRow | undefined,
  order: 'oldest first' | 'newest first',
): SQL | undefined => {
  if (seen === undefined) return undefined;
  const moment = new Date(seen.createdAt);
  const beyond = order === 'oldest first' ? gt : lt;
  return or(beyond(at, moment), and(eq(at, moment), beyond(id, seen.id)));
};
