// What is one figure, as the registry of metrics describes it? SQL over two levels, and how its value is read.
import type { Needs } from '../events/query';
import type { Sql } from '../platform/clickhouse/sql';
import type { MetricValue } from './stats.types';

/** What a metric counts: selected events in the range, or sessions that began in the range and hold a selected event. */
export type Side = 'events' | 'sessions';

/** One metric. SQL is written over two levels: `parts` are summed per group and session, `total` sums those per group. */
export interface Metric {
  readonly name: string;
  readonly side: Side;
  readonly needs: Needs;
  /** Columns of the inner level, by their alias; equal aliases are equal columns. They hold whether or not the inner level
   *  is also grouped by session: that of `sessions` always is, that of `events` only where it stands beside one of them. */
  readonly parts: Readonly<Record<string, Sql>>;
  /** The value of a group, over rows of the inner level; `side` is 0 for events and 1 for sessions. */
  readonly total: Sql;
  /** Whether it looks for goals: its parts find those that an event reaches in `facet.4`; see `goal.queries.ts`. */
  readonly ofGoals?: boolean;
  /** Whether it is a share of the visitors in `out_of`. */
  readonly isRate?: boolean;
  /** Whether rows can be sorted by it. */
  readonly sortable: boolean;
  /** Whether a group may have no value: NULL, which comes last in any order. */
  readonly nullable: boolean;
  /** The value out of what the engine answers. */
  readonly read: (raw: unknown) => MetricValue;
  /** The value where nothing was counted. */
  readonly zero: () => MetricValue;
}
