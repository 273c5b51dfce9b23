// How far off can a sample's figure be? From how much the parts of the sample differ, whatever visitors are like. Pure.

/** Parts of a sample whose differences tell its error: visitors fall into them by `cityHash64(identity) % SPREAD`. */
export const SPREAD = 16;
/** 97.5 % quantile of Student's t with SPREAD - 1 degrees of freedom, and some more as the visitors of one user may lie in two parts. */
const T = 2.4;

/** The bound within which the error of a sum over all visitors lies in 95 of 100 cases, as a fraction of it.
 *  @param parts the sum of each part; those that are not there counted nothing */
export const sumError = (parts: readonly number[]): number => {
  const all = [...parts, ...Array<number>(Math.max(0, SPREAD - parts.length)).fill(0)];
  const total = all.reduce((sum, value) => sum + value, 0);
  return total === 0 ? 0 : (T * Math.sqrt(SPREAD) * deviation(all)) / total;
};

/** The same bound for a mean, a share or a percentile.
 *  @param parts its value in each part that has one
 *  @param whole its value over all parts, not 0 */
export const meanError = (parts: readonly number[], whole: number): number =>
  parts.length < SPREAD / 2 ? 1 : (T * deviation(parts)) / Math.sqrt(parts.length) / Math.abs(whole);

const deviation = (values: readonly number[]): number => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1));
};

/** Whether a question is about single visitors: it is not to be answered about others. @param question any part of it, as data */
export const isAboutVisitors = (question: unknown): boolean =>
  JSON.stringify(question).includes('"dimension":"visitor"');

/** One of how many visitors to read where so many rows are too many: a power of two; undefined: all of them.
 *  @param most rows that are read at once without a sample */
export const sampleOf = (rows: number, most: number): number | undefined =>
  rows <= most ? undefined : 2 ** Math.ceil(Math.log2(rows / most));
