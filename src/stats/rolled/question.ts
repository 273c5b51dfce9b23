// Can a question be answered from derived rows? Where its figures are kept there, by at most one dimension. Pure.
import { ROLLUP_DIMENSIONS } from '../../aggregation';
import { OVERVIEW_METRICS } from '../metrics';
import type { StatsQuery } from '../stats.types';

/** How a question reads derived rows. */
export interface RolledQuestion {
  /** Undefined: totals are enough. */
  readonly dimension: string | undefined;
  /** The values of the dimension that are asked for; more than one only where each has rows of its own. */
  readonly values: readonly string[] | undefined;
  /** Index of the grouping by value, and of that by time; -1: there is none. */
  readonly byValue: number;
  readonly byTime: number;
}

const isKept = (dimension: string): boolean =>
  dimension.startsWith('property:') || ROLLUP_DIMENSIONS.includes(dimension);

/** How to read derived rows for a question; undefined where they can't answer it. */
export const rolledQuestion = ({ metrics, groupings, filter }: StatsQuery): RolledQuestion | undefined => {
  if (!metrics.every((name) => OVERVIEW_METRICS.includes(name))) return undefined;
  const asked = filter?.kind === 'test' && filter.op === 'is' ? filter : undefined;
  if (filter !== undefined && asked === undefined) return undefined;
  const dimensions = new Set<string>(asked === undefined ? [] : [asked.dimension]);
  for (const grouping of groupings) {
    // What a goal is may change: nothing is kept by it.
    if (grouping.kind === 'goal') return undefined;
    if (grouping.kind === 'value') dimensions.add(grouping.dimension);
    // Rows are for quarters of an hour at the least.
    else if (grouping.interval === 'minute') return undefined;
  }
  const [dimension] = dimensions;
  if (dimensions.size > 1 || (dimension !== undefined && !isKept(dimension))) return undefined;
  const values = groupings.filter(({ kind }) => kind === 'value').length;
  // A visitor of two values is one visitor: figures of several values can't be added up.
  if (values > 1 || (values === 0 && (asked?.values.length ?? 0) > 1)) return undefined;
  return {
    dimension,
    values: asked?.values,
    byValue: groupings.findIndex(({ kind }) => kind === 'value'),
    byTime: groupings.findIndex(({ kind }) => kind === 'time'),
  };
};
