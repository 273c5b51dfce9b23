// What is a question about a project's statistics, as data? Every stage reads and gives these; `now` is resolved before.
import type { Interval } from '../common/buckets';
import type { TimeRange } from '../common/time-range';
import type { Filter } from '../events/query';
import type { GoalTarget } from '../goals/goals.types';
import type { Cost } from '../platform/clickhouse/reads';

/** By what rows are grouped: a dimension of events, buckets of local time, or goals, of which an event may reach several. */
export type Grouping =
  | { readonly kind: 'value'; readonly dimension: string }
  | { readonly kind: 'time'; readonly interval: Interval }
  | { readonly kind: 'goal'; readonly goals: readonly GoalTarget[] };

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
  /** As if nothing had happened before this moment, milliseconds: older events are not kept, even where they are still there. */
  readonly since?: number;
  readonly timezone: string;
  /** Names that `findMetric` knows. */
  readonly metrics: readonly string[];
  readonly groupings: readonly Grouping[];
  readonly filter?: Filter;
  /** The project's goals, where figures ask for them. */
  readonly goals?: readonly GoalTarget[];
  /** The filter of those whom a conversion rate is out of, where it is not `filter`; in it no filter: all events. */
  readonly outOf?: { readonly filter?: Filter };
  /** Only values of the first grouping that hold this text, in any case. */
  readonly search?: string;
  /** Ends with every grouping, so that the order is total. */
  readonly order: readonly SortBy[];
  readonly limit?: number;
  /** Only rows that come after this one: its values, in the order of `order`. */
  readonly after?: readonly SortValue[];
  /** `exact` answers from raw events alone; `auto`, the default, from whatever is quickest, and says where that is an estimate. */
  readonly precision?: Precision;
  /** Whether the answer says what was read. */
  readonly explain?: boolean;
}

/** How exact an answer has to be. */
export const PRECISIONS = ['auto', 'exact'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** A value that rows are sorted by; null comes last in any order. */
export type SortValue = string | number | null;

/** An amount per currency: nothing is converted. */
export interface Money {
  currency: string;
  /** A decimal: "12.50". */
  amount: string;
}

/** A metric's value; null where there is none, as the mean of nothing. */
export type MetricValue = number | Money[] | null;

/** One row of an answer: a value per grouping (a text, or the beginning of a bucket in milliseconds) and one per metric. */
export interface StatsRow {
  readonly groups: readonly (string | number)[];
  readonly values: readonly MetricValue[];
}

/** How an answer was come by. */
export interface Account {
  /** Metrics of which a figure is an estimate. */
  readonly approximate?: readonly string[];
  /** Share of visitors that was read. */
  readonly sampleFraction?: number;
  /** By approximate metric: the bound, as a fraction, within which its error lies in 95 of 100 cases. */
  readonly relativeError?: Readonly<Record<string, number>>;
  /** Where it was asked for. */
  readonly explain?: Cost;
}

/** Rows, and how they were come by. */
export interface StatsAnswer {
  readonly rows: readonly StatsRow[];
  readonly account: Account;
  /** Figures of values that are not listed one by one, where there are any. */
  readonly other?: StatsRow;
  /** Whether it comes from derived rows, and from raw events only where those have none. */
  readonly derived?: boolean;
  /** What was read for it; not there where nothing was. */
  readonly cost?: Cost;
}
