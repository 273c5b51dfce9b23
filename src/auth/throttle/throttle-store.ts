// Where do processes tell each other what they counted? Whatever can add up one number per bucket and window.

/** What one process counted in one bucket and window. Times are seconds since the epoch. */
export interface Told {
  readonly bucket: string;
  readonly windowStart: number;
  readonly windowEnd: number;
  /** Counted since it was told last. */
  readonly count: number;
  /** Counted since the window began, `count` included. */
  readonly own: number;
  /** Who counted: one name for as long as `own` goes on growing. */
  readonly writer: string;
}

/** What all processes together counted in a bucket and window. */
export interface Heard {
  readonly bucket: string;
  readonly windowStart: number;
  readonly count: number;
}

/** Keeps counts for as long as their windows last. */
export abstract class ThrottleStore {
  /** How often processes tell what they counted, milliseconds. */
  abstract readonly everyMs: number;

  /** Adds counts. @returns those of all processes together, for each row @throws where it is not certain that they were added */
  abstract add(rows: readonly Told[]): Promise<Heard[]>;

  /** Forgets windows that ended before a second. */
  abstract removeBefore(second: number): Promise<void>;

  /** Registers what must still be told before the store closes. */
  abstract beforeClose(flush: () => Promise<void>): void;
}
