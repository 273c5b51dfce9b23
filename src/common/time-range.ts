// The one shape of a stretch of time: half-open, in UTC milliseconds.

/** Half-open [from, to), milliseconds since the epoch. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
