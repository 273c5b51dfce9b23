// What is a question about a project's statistics, as data? Every stage reads and gives these; `now` is resolved before.
import type { Interval } from '../common/buckets';
import type { TimeRange } from '../common/time-range';
import type { Filter } from '../events/query';

/** By what rows are grouped: a dimension of events, or buckets of local time. */
export type Grouping =
  { readonly kind: 'value'; readonly dimension: string } | { readonly kind: 'time'; readonly interval: Interval };

/** One column to sort by: the index of a metric or of a grouping. */
export interface SortBy {
  readonly column: { readonly metric: number } | { readonly grouping: number };
  readonly descending: boolean;
}

/** A question. It always names the project and a half-open range; nothing means all time by accident. */
export interface StatsQuery {
  /** The project's number in the warehouse. */
  readonly project: number;
  readonly range: TimeRange;
  readonly timezone: string;
  /** Names that `findMetric` knows. */
  readonly metrics: readonly string[];
  readonly groupings: readonly Grouping[];
  readonly filter?: Filter;
  /** Only values of the first grouping that hold this text, in any case. */
  readonly search?: string;
  /** Ends with every grouping, so that the order is total. */
  readonly order: readonly SortBy[];
  readonly limit?: number;
  /** Only rows that come after this one: its values, in the order of `order`. */
  readonly after?: readonly (string | number)[];
}

/** An amount per currency: nothing is converted. */
export interface Money {
  currency: string;
  /** A decimal: "12.50". */
  amount: string;
}

/** A metric's value. */
export type MetricValue = number | Money[];

/** One row of an answer: a value per grouping (a text, or the beginning of a bucket in milliseconds) and one per metric. */
export interface StatsRow {
  readonly groups: readonly (string | number)[];
  readonly values: readonly MetricValue[];
}
