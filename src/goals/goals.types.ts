// What is a goal? Something a visitor is wanted to do, under a name. Nothing of it is kept beside events: it is looked for when somebody asks.
import type { Filter } from '../events/query';

/** What reaching a goal once is worth: always the same, or what the event says in a property that is a number. */
export type GoalValue =
  { readonly amount: string; readonly currency: string } | { readonly property: string; readonly currency: string };

/** A goal. One of `event` and `page` is set. */
export interface Goal {
  readonly id: string;
  /** Unique in its project, and never in the form of a UUID: requests name a goal by either. */
  readonly name: string;
  /** Name of an event. */
  readonly event?: string;
  /** Glob over the paths of pageviews. */
  readonly page?: string;
  /** The filter tree as it was sent. */
  readonly filters?: readonly unknown[];
  readonly value?: GoalValue;
  /** Milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A goal as a question works with it. */
export interface GoalTarget {
  readonly id: string;
  readonly name: string;
  /** The events that reach it. */
  readonly filter: Filter;
  readonly value?: GoalValue;
}
