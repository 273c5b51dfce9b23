// What does deriving ask of the warehouse? The one list of it, so that the algorithm can be read, and tried, without any SQL.
import type { TimeRange } from '../common/time-range';

/** One computation: the rows of a stretch, under a version of their own. */
export interface CellToWrite {
  /** The project's number in the warehouse. */
  readonly project: number;
  /** The stretch; it never crosses a local midnight. */
  readonly range: TimeRange;
  /** Only events before this moment count. */
  readonly cut: number;
  readonly version: number;
}

/** What a computation came to. */
export interface WrittenCell {
  /** Events in the stretch. */
  readonly events: number;
  /** False: too few events, nothing was written; the raw events are as quick. */
  readonly detailed: boolean;
  /** Dimensions with too many values to keep; `property:*` where there are too many keys. */
  readonly skipped: readonly string[];
}

/** Derived rows. All of it throws storeUnavailable where the warehouse is away. Moments are milliseconds. */
export abstract class CellStore {
  /** Computes the rows of a stretch from raw events and stores them under the version. Repeatable under another version. */
  abstract write(cell: CellToWrite): Promise<WrittenCell>;
  /** Beginnings before `before` of sessions that have events in the range. */
  abstract begins(project: number, range: TimeRange, before: number): Promise<number[]>;
  /** From the earliest beginning to the latest end of the sessions that touch the range; at least the range itself. */
  abstract extent(project: number, range: TimeRange, cut: number): Promise<TimeRange>;
  /** The earliest beginning of a session that is still open at `cut`; `cut` where none is. */
  abstract openFrom(project: number, cut: number): Promise<number>;
  /** Beginnings of the UTC days that hold events before `before`. */
  abstract days(project: number, before: number): Promise<number[]>;
  /** Events in a stretch. */
  abstract count(project: number, range: TimeRange): Promise<number>;
  /** Events of each project, about. */
  abstract volumes(): Promise<ReadonlyMap<number, number>>;
  /** Names of figures in which the rows of a version differ from a new computation; none: they are right. */
  abstract differs(cell: CellToWrite): Promise<string[]>;
  /** Whether nobody waits for the warehouse here, so that it may be used as much as it can be. */
  isQuiet(): boolean {
    return true;
  }
}
