// Which stretches of a question's range can be taken from derived rows, and which must be read from raw events? Pure.
import {
  ceilTo,
  coalesce,
  floorTo,
  HOUR_MS,
  overlaps,
  QUARTER_MS,
  shared,
  type TimeRange,
  without,
} from '../../common/time-range';
import { type Cell, type RollupSnapshot, skips } from '../../aggregation';

/** Each stretch of raw events is a read of its own: beyond so many, what lies between the closest is read with them. */
const MOST_RAW = 4;

/** What a question asks of derived rows. */
export interface Asked {
  readonly range: TimeRange;
  /** Moments inside the range at which a row of the answer ends and another begins. */
  readonly bounds: readonly number[];
  /** Undefined: totals, of which there are rows for quarters of an hour; else rows are for whole cells alone. */
  readonly dimension: string | undefined;
}

/** A range, taken apart: nothing overlaps, and what is in no part holds no events. */
export interface Pieces {
  /** Cells, or months of them, that one row stands for: all of it lies in one bucket. */
  readonly whole: readonly Cell[];
  /** Months all of whose cells are above: their rows have the same figures of every value, and states of the first. */
  readonly counted: readonly Cell[];
  /** Cells of which hours and quarters are taken, those that lie in the range and in no raw stretch. */
  readonly cut: readonly Cell[];
  /** UTC hours that are not taken in one, as something begins or ends inside them. */
  readonly splitHours: readonly number[];
  /** Stretches before the horizon that must be read raw, oldest first. */
  readonly raw: readonly TimeRange[];
}

/** Months that count, and the whole cells beside them. */
export const byMonth = ({ whole, counted }: Pieces): Cell[] => [
  ...counted,
  ...whole.filter((cell) => !counted.some((month) => overlaps(month, cell))),
];

/** Takes a range apart.
 *  @param closures what is stale, each with all sessions that touch it
 *  @returns undefined where nothing of it is derived */
export const piecesOf = (
  asked: Asked,
  snapshot: RollupSnapshot,
  closures: readonly TimeRange[],
): Pieces | undefined => {
  const { range, dimension } = asked;
  const sealed: TimeRange = { from: range.from, to: Math.min(range.to, snapshot.horizon) };
  if (sealed.to <= sealed.from) return undefined;
  const dirty = closures.filter((closure) => overlaps(closure, sealed));
  const months = snapshot.months.flatMap((month) => derivedParts(month, sealed, dirty, asked)).filter(isWhole(asked));
  const days = snapshot.cells.filter((cell) => !months.some((month) => overlaps(month, cell)));
  let parts = [...months, ...days.flatMap((cell) => derivedParts(cell, sealed, dirty, asked))];
  // Time in no cell is empty; in a cell, or in what is stale, it is read.
  let held = [...snapshot.cells.filter(({ events }) => events > 0), ...dirty].flatMap(
    (part) => shared(part, sealed) ?? [],
  );
  let raw = without(coalesce(held), parts);
  while (raw.length > MOST_RAW) {
    const gap = closest(raw, parts);
    parts = parts.filter((part) => !overlaps(part, gap));
    held = [...held, gap];
    raw = without(coalesce(held), parts);
  }
  if (parts.length === 0) return undefined;
  const whole = parts.filter(isWhole(asked));
  const cut = dimension === undefined ? parts.filter((part) => !isWhole(asked)(part)) : [];
  const ends = [
    ...cut.flatMap(({ from, to }) => [from, to]),
    ...asked.bounds,
    range.from,
    range.to,
    ...raw.flatMap(({ from, to }) => [from, to]),
  ];
  const inCut = (hour: number): boolean => cut.some(({ cell }) => overlaps(cell, { from: hour, to: hour + HOUR_MS }));
  const cells = new Set(whole.map(({ cell }) => cell));
  return {
    whole: [...cells],
    counted:
      dimension === undefined ? [] : snapshot.months.filter((month) => isCounted(month, dimension, snapshot, cells)),
    cut: [...new Set(cut.map(({ cell }) => cell))],
    splitHours: [...new Set(ends.filter((at) => at % HOUR_MS !== 0).map((at) => floorTo(at, HOUR_MS)))].filter(inCut),
    raw,
  };
};

/** Whether something of a question can be taken from derived rows, if nothing of it is stale. */
export const isDerivable = (asked: Asked, { cells, horizon }: RollupSnapshot): boolean => {
  const sealed = shared(asked.range, { from: -Infinity, to: horizon });
  return sealed !== undefined && cells.some((cell) => derivedParts(cell, sealed, [], asked).length > 0);
};

interface Part extends TimeRange {
  readonly cell: Cell;
}

const isWhole =
  ({ bounds }: Asked) =>
  ({ cell, from, to }: Part): boolean =>
    from === cell.from && to === cell.to && !bounds.some((at) => at > from && at < to);

const isCounted = (month: Cell, dimension: string, { cells }: RollupSnapshot, whole: ReadonlySet<Cell>): boolean =>
  month.counted?.includes(dimension) === true &&
  cells.every((cell) => cell.from < month.from || cell.to > month.to || whole.has(cell));

/** What of a cell can be taken from its rows. */
const derivedParts = (cell: Cell, sealed: TimeRange, dirty: readonly TimeRange[], asked: Asked): Part[] => {
  const { dimension } = asked;
  if (!cell.detailed || (dimension !== undefined && skips(cell, dimension))) return [];
  const inRange = shared(cell, sealed);
  const clean = without(inRange === undefined ? [] : [inRange], dirty)
    // Quarters are the smallest rows there are.
    .map(({ from, to }) => ({
      from: ceilTo(from, QUARTER_MS),
      to: to === cell.to ? to : floorTo(to, QUARTER_MS),
      cell,
    }))
    .filter(({ from, to }) => to > from);
  return dimension === undefined ? clean : clean.filter(isWhole(asked));
};

/** What lies between two raw stretches, where that holds the fewest events. */
const closest = (raw: readonly TimeRange[], parts: readonly Part[]): TimeRange => {
  const gaps = raw.slice(1).map((next, at) => ({ from: raw[at]?.to ?? next.from, to: next.from }));
  const eventsIn = (gap: TimeRange): number =>
    parts.reduce((sum, part) => (overlaps(part, gap) ? sum + part.cell.events : sum), 0);
  return gaps.reduce((best, gap) => (eventsIn(gap) < eventsIn(best) ? gap : best));
};
