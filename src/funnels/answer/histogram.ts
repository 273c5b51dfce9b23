// Into which stretches of seconds are the times of a step sorted? The same everywhere, so that charts of two funnels can be laid over each other.

/** Edges of the buckets in seconds: bucket i is [edges[i], edges[i + 1]). The last one holds the longest window there is, 366 days,
 *  which an attempt may take to the millisecond. */
export const HISTOGRAM_EDGES: readonly number[] = [
  0, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 172_800,
  345_600, 604_800, 1_209_600, 2_592_000, 5_184_000, 7_776_000, 15_552_000, 31_622_400, 31_622_401,
];
