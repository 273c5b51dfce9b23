// Where do the events of a range stand as sequences, a row a visitor and cell? And which questions can be answered from these? Pure.
import { hull, overlaps, type TimeRange, without } from '../../common/time-range';
import type { Filter } from './filters';

/** What is kept in `event_sequences` of a project, around some range. */
export interface Sequences {
  /** Cells whose events are there, and under which version; oldest first, disjoint. */
  readonly cells: readonly (TimeRange & { readonly version: number })[];
  /** Stretches that changed since. */
  readonly stale: readonly TimeRange[];
}

/** A range taken apart. */
export interface SequenceParts {
  /** Versions that are read whole: they may reach out of the range. */
  readonly versions: readonly number[];
  /** The time of these. */
  readonly around: TimeRange;
  /** What is read from `events`. */
  readonly rest: readonly TimeRange[];
}

/** With more left than this nothing is read from sequences. */
const MOST_STRETCHES = 100;

/** A range taken apart, for who does not mind events around it; undefined where sequences are of no use.
 *  @param since nothing is read that was before */
export const sequenceParts = (
  { cells, stale }: Sequences,
  range: TimeRange,
  since = -Infinity,
): SequenceParts | undefined => {
  const used = cells.filter(
    (cell) => overlaps(cell, range) && cell.from >= since && !stale.some((stretch) => overlaps(stretch, cell)),
  );
  const rest = without([range], used);
  if (used.length === 0 || rest.length > MOST_STRETCHES) return undefined;
  return { versions: used.map(({ version }) => version), around: hull(used), rest };
};

/** Dimensions that a sequence tells of each event, by the columns `name` and `path`. */
const TOLD: ReadonlySet<string> = new Set(['event', 'page']);

/** Whether sequences tell which events a filter selects. */
export const isToldBySequences = (filter: Filter | undefined): boolean =>
  dimensionsOf(filter)?.every((name) => TOLD.has(name)) ?? false;

/** Dimensions that a filter looks at; undefined: it looks at other events too. */
export const dimensionsOf = (filter: Filter | undefined): readonly string[] | undefined => {
  switch (filter?.kind) {
    case undefined:
      return [];
    case 'and':
    case 'or': {
      const each = filter.filters.map(dimensionsOf);
      return each.every((names) => names !== undefined) ? each.flat() : undefined;
    }
    case 'not':
      return dimensionsOf(filter.filter);
    case 'did':
      return undefined;
    case 'test':
      return [filter.dimension];
    case 'among':
      return filter.dimensions;
  }
};
