// What is a question about journeys, and what is its answer, as data?
import type { TimeRange } from '../../common/time-range';
import type { Filter } from '../../events/query';
import type { Account, Precision } from '../stats.types';

/** What a step is: the path of a pageview, or the name of an event. */
export const JOURNEY_KINDS = ['page', 'event'] as const;
export type JourneyKind = (typeof JOURNEY_KINDS)[number];

/** Who takes a journey. */
export const JOURNEY_UNITS = ['visitor', 'session'] as const;
export type JourneyUnit = (typeof JOURNEY_UNITS)[number];

/** What becomes of the same value several times in a row: one step, or as many as there were. */
export const REPEATS = ['fold', 'keep'] as const;
export type Repeats = (typeof REPEATS)[number];

/** Steps of a path. */
export const MIN_STEPS = 2;
export const MAX_STEPS = 10;
/** Steps of a unit that are looked at, the earliest. */
export const MAX_WALK = 1_000;
/** Values of a step that are nodes of their own in the picture. */
export const MAX_VALUES = 15;

/** Which part of a unit's steps is its path. Values, or globs over them. */
export interface Anchors {
  readonly start?: string | undefined;
  readonly end?: string | undefined;
  readonly around?: string | undefined;
}

/** Pages that go under one name. */
export interface PageGroup {
  readonly glob: string;
  readonly name: string;
}

/** The place of a path in the list, by what the list is ordered by. */
export interface PathKey {
  /** How many units took it, among those that were read. */
  readonly units: number;
  /** The beginning of its values. */
  readonly name: string;
  /** What tells paths apart that begin alike; decimal text, as 64 bits do not fit a number. */
  readonly hash: string;
}

/** A question. */
export interface JourneyQuestion extends Anchors {
  /** The project's number in the warehouse. */
  readonly project: number;
  readonly range: TimeRange;
  /** As if nothing had happened before this moment, milliseconds. */
  readonly since?: number | undefined;
  readonly filter?: Filter | undefined;
  readonly by: JourneyKind;
  readonly unit: JourneyUnit;
  readonly repeats: Repeats;
  /** Most steps of a path. */
  readonly steps: number;
  /** The first that matches names the page. */
  readonly groups: readonly PageGroup[];
  readonly limit: number;
  /** Only paths that come after this one in the list. */
  readonly after?: PathKey | undefined;
  readonly precision?: Precision | undefined;
  /** The sample that the pages before were read from, 1: everything; undefined: this is the first page. */
  readonly sample?: number | undefined;
  readonly explain?: boolean | undefined;
}

/** A path and how many took it. */
export interface PathRow extends PathKey {
  readonly path: readonly string[];
}

/** A value at a step. */
export interface StepValue {
  readonly step: number;
  readonly value: string;
}

/** A value at a step; `value` undefined: all that are no nodes of their own. */
export interface JourneyNode {
  /** 0 is the first step, or the anchor that is not the first. */
  readonly step: number;
  readonly value: string | undefined;
  readonly units: number;
  /** Units whose path begins here, and those whose path ends here. */
  readonly entries: number;
  readonly exits: number;
}

/** Units that went from a value of a step to one of the next; undefined: to or from the others. */
export interface JourneyLink {
  /** The step of the source. */
  readonly step: number;
  readonly source: string | undefined;
  readonly target: string | undefined;
  readonly units: number;
}

/** An answer. Counts are of the units that were read: one of `sample` visitors. */
export interface Journeys {
  /** Units with a path. */
  readonly total: number;
  /** Up to one more than were asked for, most frequent first. */
  readonly paths: readonly PathRow[];
  readonly nodes: readonly JourneyNode[];
  readonly links: readonly JourneyLink[];
  readonly sample: number;
  readonly account: Account;
}
