// What is a question about a funnel, and what is its answer, as data? Goals are resolved and ranges known before; SQL comes after.
import type { Interval } from '../common/buckets';
import type { TimeRange } from '../common/time-range';
import type { Filter } from '../events/query';
import type { Account, Money, Precision } from '../stats';

/** `ordered`: later steps come later, whatever lies between. `strict`: nothing of the unit lies between. `any`: in any order. */
export const FUNNEL_MODES = ['ordered', 'strict', 'any'] as const;
export type FunnelMode = (typeof FUNNEL_MODES)[number];

/** Whose sequences of events are looked at. */
export const FUNNEL_UNITS = ['visitor', 'session'] as const;
export type FunnelUnit = (typeof FUNNEL_UNITS)[number];

/** Which event of an attempt says its value in a breakdown: that of the first step, of the last one reached, or of a given step. */
export const ATTRIBUTIONS = ['first', 'last', 'step'] as const;
export type Attribution = (typeof ATTRIBUTIONS)[number];

/** Limits of a funnel. */
export const FUNNEL_LIMITS = {
  minSteps: 2,
  maxSteps: 20,
  exclusions: 8,
  holdConstant: 3,
  maxWindowSeconds: 366 * 86_400,
} as const;

/** A step, its goal resolved. */
export interface FunnelStep {
  readonly name: string;
  /** The events that are this step. */
  readonly target: Filter;
  /** Whether an attempt may go on without it. Never the first. */
  readonly optional: boolean;
}

/** An event that ends an attempt where it lies after step `fromStep` and before step `toStep`; 1 is the first step. */
export interface FunnelExclusion {
  readonly target: Filter;
  readonly fromStep: number;
  readonly toStep: number;
}

/** What a funnel looks for. */
export interface FunnelShape {
  readonly steps: readonly FunnelStep[];
  readonly mode: FunnelMode;
  readonly windowMs: number;
  readonly countBy: FunnelUnit;
  readonly exclusions: readonly FunnelExclusion[];
  /** Dimensions `property:<key>`, of which all steps of an attempt carry the same value. */
  readonly holdConstant: readonly string[];
}

export interface FunnelBreakdown {
  readonly dimension: string;
  readonly attribution: Attribution;
  /** For `step`: 1 is the first. */
  readonly step: number;
  /** Values in rows of their own; those beyond are `other`. */
  readonly limit: number;
}

/** A question about a funnel. */
export interface FunnelQuestion extends FunnelShape {
  /** The project's number in the warehouse. */
  readonly project: number;
  /** Attempts begin in it. */
  readonly range: TimeRange;
  /** As if nothing had happened before, milliseconds. */
  readonly since?: number;
  readonly timezone: string;
  /** Selects the events that can be steps or exclusions. */
  readonly filter?: Filter;
  readonly breakdown?: FunnelBreakdown;
  /** Buckets of a trend. */
  readonly interval?: Interval;
  readonly precision?: Precision;
  readonly explain?: boolean;
}

/** How long a step took, seconds. */
export interface StepTimes {
  readonly median: number;
  readonly p75: number;
  readonly p90: number;
  /** Counts of attempts by time, [from, to) seconds; only buckets that hold some. */
  readonly histogram: readonly { readonly from: number; readonly to: number; readonly count: number }[];
}

/** Figures of one step. */
export interface StepFigures {
  /** Units whose attempt holds this step; in mode `any`: so many steps. */
  readonly count: number;
  /** From the step of the attempt before it, and from its first; undefined for the first step and where nobody came. */
  readonly fromPrevious?: StepTimes;
  readonly fromFirst?: StepTimes;
}

/** Figures of a set of units. */
export interface FunnelFigures {
  readonly steps: readonly StepFigures[];
  /** Of the events that are the last step. */
  readonly revenue: readonly Money[];
}

/** A value of a breakdown; null: the attempt has no event of that step, or the event no such value. */
export interface FunnelRow extends FunnelFigures {
  readonly value: string | null;
}

/** Attempts that began in a bucket. */
export interface TrendBucket {
  /** Its beginning, milliseconds. */
  readonly start: number;
  readonly counts: readonly number[];
}

export interface FunnelAnswer {
  readonly total: FunnelFigures;
  readonly rows?: readonly FunnelRow[];
  /** Units of values that have no row of their own, where there are any. */
  readonly other?: FunnelFigures;
  /** Buckets in which something began, oldest first. */
  readonly trend?: readonly TrendBucket[];
  readonly account: Account;
}

/** Whose attempts are listed. */
export interface AttemptsWish {
  /** 1 is the first step. */
  readonly step: number;
  /** Whether they went no further than this step, or no: whether they came as far. */
  readonly dropped: boolean;
  readonly limit: number;
  /** The last row of the page before. */
  readonly after?: { readonly startedAt: number; readonly unit: string };
}

/** One unit's attempt. */
export interface Attempt {
  /** The visitor, 16 hexadecimal digits. */
  readonly visitor: string;
  /** Of a funnel of sessions: when the session began, milliseconds. */
  readonly sessionBeganAt?: number;
  /** What `after` names this row by. */
  readonly unit: string;
  /** Its events, in order: the step, 1 is the first (in mode `any` the so-manieth), and when, milliseconds. */
  readonly events: readonly { readonly step: number; readonly at: number }[];
}
