// How far can the figures of a sample of visitors be off? From how much its parts differ, and from users of whom it holds only a part. Pure.
import { meanError, sumError } from '../spread';

/** By part of a sample: how many there are, and how many of these did something (or what they did, added up). */
export type Parts = readonly { readonly of: number; readonly count: number }[];

const rounded = (error: number): number => Math.round(error * 10_000) / 10_000;

/** The bound of a count's error, as a fraction of it. Of what a sample does not hold nothing is known: 1.
 *  @param bias what users with several visitors may add to it, as a fraction */
export const offBy = (parts: Parts, bias: number): number =>
  parts.every(({ count }) => count === 0) ? 1 : rounded(sumError(parts.map(({ count }) => count)) + bias);

/** The bound of a share's error, as a fraction of it. */
export const rateOffBy = (parts: Parts, bias: number): number => {
  const of = parts.reduce((sum, part) => sum + part.of, 0);
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  if (count === 0) return 1;
  const shares = parts.filter((part) => part.of > 0).map((part) => part.count / part.of);
  return rounded(meanError(shares, count / of) + bias);
};

/** The largest of some bounds; 1 where there are none. */
export const largest = (errors: readonly (number | undefined)[]): number => {
  const known = errors.filter((error) => error !== undefined);
  return known.length === 0 ? 1 : Math.max(...known);
};
