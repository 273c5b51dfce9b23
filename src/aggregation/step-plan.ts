// Which cells does a step compute? For the refresher: when the horizon moves, and when a stretch behind it changed. Pure.
import { coalesce, holds, hull, overlaps, shared, type TimeRange, without } from '../common/time-range';
import { SESSION_GAP_MS } from '../events/query';
import { localDayOf, localDaysOf, piecesOf, type Cell } from './cells';

/** A stretch to be derived again. `until` is when the change that it tells of is over at the latest.
 *  `REBUILD`: no event changed, only the rows are to be made again. */
export interface StaleRange extends TimeRange {
  readonly until: number;
}

/** `until` of a stretch in which no event changed. What is derived outside of it does not depend on it. */
export const REBUILD = 0;

/** So many separate stretches of an open day are looked at one by one. */
const SEPARATE_LOOKS = 8;

/** What decides whether a day is kept as one cell. */
export interface Settling {
  readonly zone: string;
  /** What is derived ends here. */
  readonly horizon: number;
  readonly openFrom: number;
  readonly settleMs: number;
}

/** Whether a local day is over for good: its sessions too, or we have waited long enough for them.
 *  Before that its cells stay small, as each move of the horizon computes those again in which an open session began. */
export const isSettled = (day: TimeRange, { horizon, openFrom, settleMs }: Settling): boolean =>
  day.to <= horizon && (openFrom >= day.to || horizon - day.to >= settleMs);

/** The stretches to compute when the horizon moves over `range`, disjoint, oldest first: the new pieces, the cells in which sessions began
 *  that go on there, and days that are settled now, whole.
 *  @param cells those of the last days, and those that hold a beginning
 *  @param begins beginnings of sessions that go on in the range */
export function planAdvance(
  range: TimeRange,
  cells: readonly Cell[],
  begins: readonly number[],
  settling: Settling,
): TimeRange[] {
  const pieces = piecesOf(settling.zone, range);
  const begun = cells.filter((cell) => cell.detailed && begins.some((at) => holds(cell, at)));
  const inParts = coalesceDays([...cells, ...pieces], settling.zone).filter(
    (day) => isSettled(day, settling) && [...cells, ...pieces].filter((part) => overlaps(part, day)).length > 1,
  );
  const small = [...pieces, ...begun].filter((part) => !inParts.some((day) => overlaps(day, part)));
  return [...inParts, ...small].map(({ from, to }) => ({ from, to })).toSorted((a, b) => a.from - b.from);
}

/** The cells that a move of the horizon made, those that were there before with the copies of their events: sessions went on, but no event
 *  changed. Copies of what is stale are made anew, too. */
export const withCopies = (made: readonly Cell[], known: readonly Cell[], stale: readonly StaleRange[]): Cell[] =>
  made.map((cell) => {
    const before = known.find(({ from, to, events }) => from === cell.from && to === cell.to && events === cell.events);
    return before === undefined || stale.some((range) => overlaps(range, cell)) ? cell : { ...cell, copy: before.copy };
  });

const coalesceDays = (parts: readonly TimeRange[], zone: string): TimeRange[] => {
  const days = new Map<number, TimeRange>();
  for (const part of parts) {
    const day = localDayOf(zone, part.from);
    days.set(day.from, day);
  }
  return [...days.values()];
};

/** The day that a turn derives again, and what is stale in it before the horizon. */
export interface StaleDay {
  readonly day: TimeRange;
  /** Only the rows are to be made again. */
  readonly rebuild: readonly TimeRange[];
  /** Events changed. */
  readonly changed: readonly TimeRange[];
}

/** The latest stale day: charts mostly show the last ones. @param stale beginning before the horizon, at least one */
export const planDay = (stale: readonly StaleRange[], zone: string, horizon: number): StaleDay => {
  const last = Math.min(hull(stale).to, horizon) - 1;
  const day = localDayOf(zone, last);
  const before = { from: day.from, to: Math.min(day.to, horizon) };
  const inDay = (of: (range: StaleRange) => boolean): TimeRange[] =>
    coalesce(stale.filter(of).flatMap((range) => shared(range, before) ?? []));
  return {
    day,
    rebuild: inDay(({ until }) => until === REBUILD),
    changed: inDay(({ until }) => until !== REBUILD),
  };
};

/** Where to look for sessions that a change touched. A settled day is computed whole, so it is one look. */
export const planLooks = ({ day, changed }: StaleDay, settling: Settling): TimeRange[] => {
  if (changed.length === 0) return [];
  // An event that is taken away may leave two halves of a session, this far from it.
  const wide = coalesce(changed.map(({ from, to }) => ({ from: from - SESSION_GAP_MS, to: to + SESSION_GAP_MS })));
  return isSettled(day, settling) || wide.length > SEPARATE_LOOKS ? [hull(wide)] : wide;
};

/** The stretches to compute again, disjoint, oldest first: of settled days whole ones, of others the cells and the holes between them.
 *  @param touched what the change reaches: stretches of sessions, and what is to be rebuilt
 *  @param cells all that lie in the days of `touched`
 *  @param stale all that is stale; another day that waits to be rebuilt has its own turn */
export function planRepair(
  { day }: StaleDay,
  touched: readonly TimeRange[],
  cells: readonly Cell[],
  stale: readonly StaleRange[],
  settling: Settling,
): TimeRange[] {
  const { zone, horizon } = settling;
  const past = coalesce(touched).flatMap((range) => shared(range, { from: -Infinity, to: horizon }) ?? []);
  const days = new Map(past.flatMap((range) => localDaysOf(zone, range)).map((each) => [each.from, each]));
  return [...days.values()].flatMap((each) => {
    const within = cells.filter((cell) => overlaps(cell, each));
    const waits = stale.some((range) => range.until === REBUILD && overlaps(range, each));
    if (each.from !== day.from && within.length === 0 && waits) return [];
    if (isSettled(each, settling)) return [each];
    const derived = { from: each.from, to: Math.min(each.to, horizon) };
    return [...within.map(({ from, to }) => ({ from, to })), ...without([derived], within)]
      .filter((part) => past.some((range) => overlaps(range, part)))
      .toSorted((a, b) => a.from - b.from);
  });
}

/** What of the stale ranges a step settles: which go, and what of them stays.
 *  @param stale only those whose change was over when the step began to read
 *  @param changed stretches whose changes are now everywhere they belong; @param computed stretches whose rows are new */
export function settleStale(
  stale: readonly StaleRange[],
  changed: readonly TimeRange[],
  computed: readonly TimeRange[],
): { gone: StaleRange[]; left: StaleRange[] } {
  const gone: StaleRange[] = [];
  const left: StaleRange[] = [];
  for (const range of stale) {
    const done = range.until === REBUILD ? [...changed, ...computed] : changed;
    if (!done.some((each) => overlaps(each, range))) continue;
    gone.push(range);
    left.push(...without([range], done).map((rest) => ({ ...rest, until: range.until })));
  }
  return { gone, left };
}
