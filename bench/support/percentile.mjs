// Below which value do so many of them lie? The nearest rank: always one of the values.

/** @param values in any order @param share 0..1 @returns NaN where there are none */
export const percentile = (values, share) => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
};
