// What is a question about who comes back, as data? Goals are resolved and ranges known before; SQL comes after.
import type { TimeRange } from '../../common/time-range';
import type { Filter } from '../../events/query';
import type { Account, Precision } from '../stats.types';
import type { PeriodLength, Periods } from './periods';

/** `on`: who came back in that very period; `onOrAfter`: in that one or a later one, up to the last column. */
export const RETENTION_MODES = ['on', 'onOrAfter'] as const;
export type RetentionMode = (typeof RETENTION_MODES)[number];

/** Most periods after the first. */
export const MAX_COLUMNS = 60;

/** What every question of this room has. */
export interface ActivityQuestion {
  /** The project's number in the warehouse. */
  readonly project: number;
  /** The project's own zone, under which its events are counted. */
  readonly homeZone: string;
  readonly range: TimeRange;
  /** As if nothing had happened before, milliseconds. */
  readonly since?: number;
  readonly timezone: string;
  readonly length: PeriodLength;
  readonly periods: Periods;
  /** As if only the events that it selects had happened. */
  readonly filter?: Filter;
  readonly precision?: Precision;
  readonly explain?: boolean;
  /** The moment of asking. */
  readonly now: number;
}

/** Who came back, of those who began in each period? */
export interface RetentionQuestion extends ActivityQuestion {
  /** Periods after a cohort's own. */
  readonly columns: number;
  /** The events whose first begins a visitor; undefined: any. */
  readonly start?: Filter;
  /** The events that are a return; undefined: any. */
  readonly comeback?: Filter;
  readonly mode: RetentionMode;
  readonly breakdown?: { readonly dimension: string; readonly limit: number };
}

/** How a question is read. */
export interface Sampled {
  /** One of so many visitors was read; figures of rows are theirs alone. */
  readonly sample?: number;
  readonly account: Account;
}

/** Visitors of one cohort, of one value, in one part of the sample. */
export interface CohortRow {
  /** Place of the period among the rows, from 0. */
  readonly cohort: number;
  /** Value of the breakdown: null where the event has none; undefined: there is no breakdown, or it is one beyond the limit. */
  readonly value?: string | null;
  readonly part: number;
  readonly size: number;
  /** Who came back, by column. */
  readonly cells: readonly number[];
  /** Of `size` those who are users with several visitors. */
  readonly doubled: number;
}

export interface CohortAnswer extends Sampled {
  readonly rows: readonly CohortRow[];
  /** Values with a table of their own, largest first. */
  readonly values?: readonly (string | null)[];
}

/** What visitors were in a period, to those of lifecycle. */
export interface LifecycleRow {
  /** Place of the period among the rows, from 0. */
  readonly period: number;
  readonly part: number;
  readonly fresh: number;
  readonly returning: number;
  readonly resurrected: number;
  readonly dormant: number;
  readonly doubled: number;
}

/** Visitors who were active on so many days of a period. */
export interface StickinessRow {
  readonly period: number;
  readonly part: number;
  readonly days: number;
  readonly visitors: number;
  readonly doubled: number;
}
