// Which stretches of a project's time are cells? The arithmetic of days and pieces. Pure: no store, no clock.
import { DAY_MS, floorTo, QUARTER_MS, shared, type TimeRange } from '../common/time-range';
import { addDays, localTime, startOfDay, type LocalDay } from '../common/time-zone';

/** Where events of the visitors of the lowest hashes, one of so many, are kept a second time, and whether those of all are kept as sequences. */
interface CellCopy {
  readonly version: number;
  readonly of: number;
  readonly sequences: boolean;
}

/** The copy of a cell by the columns of its pointer. */
export const cellCopy = (version: number | null, of: number | null, sequences: boolean): CellCopy | undefined =>
  version === null || of === null ? undefined : { version, of, sequences };

/** A cell as its pointer has it. */
export interface Cell extends TimeRange {
  readonly version: number;
  readonly events: number;
  readonly detailed: boolean;
  readonly skipped: readonly string[];
  readonly copy?: CellCopy | undefined;
  /** Of a month: dimensions that it skips, but has figures of all values, and states of the first. */
  readonly counted?: readonly string[] | undefined;
  /** With which version of the next cell visitors of the days across its end were counted. */
  readonly rollingNext?: number | undefined;
}

/** Whether a dimension has no rows in a cell. */
export const skips = ({ skipped }: Pick<Cell, 'skipped'>, dimension: string): boolean =>
  skipped.includes(dimension) || (dimension.startsWith('property:') && skipped.includes('property:*'));

/** The last quarter hour at or before a moment: horizons are such. */
export const quarterBefore = (at: number): number => floorTo(at, QUARTER_MS);

/** The beginning of a moment's UTC day. */
export const utcDayOf = (at: number): number => floorTo(at, DAY_MS);

/** The local day that holds a moment.
 *  TRICKY: a clock that is put back across midnight shows a date again that was over: the moment then belongs to the later day. */
export const localDayOf = (zone: string, at: number): TimeRange => {
  let day: LocalDay = localTime(zone, at);
  for (;;) {
    const next = addDays(day, 1);
    const to = startOfDay(zone, next);
    if (to > at) return { from: startOfDay(zone, day), to };
    day = next;
  }
};

/** The local days that a range touches, whole, oldest first. */
export const localDaysOf = (zone: string, range: TimeRange): TimeRange[] => {
  const days: TimeRange[] = [];
  for (let at = range.from; at < range.to; at = days.at(-1)?.to ?? range.to) days.push(localDayOf(zone, at));
  return days;
};

/** A range cut at local midnights. */
export const piecesOf = (zone: string, range: TimeRange): TimeRange[] =>
  localDaysOf(zone, range).flatMap((day) => shared(day, range) ?? []);
