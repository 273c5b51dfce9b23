// When are two questions the same? When they say the same, in whatever order. Pure.
import { createHash } from 'node:crypto';
import type { StatsQuery } from '../stats.types';

/** A name for a question, of 43 characters however long the question is.
 *  @param zone of the project, as derived rows follow its days */
export const questionKey = ({ explain: _explain, ...query }: StatsQuery, zone: string): string =>
  createHash('sha256')
    .update(JSON.stringify([zone, ordered(query)]))
    .digest('base64url');

/** The same value with the keys of its objects in one order, and without those that say nothing. */
const ordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .filter(([, held]) => held !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, held]) => [name, ordered(held)]);
};
