// What does somebody write down who wants a funnel? Its steps as they were sent, goals by their ids, before any of it is looked for. Pure.
import type { FunnelMode, FunnelUnit } from './funnel.types';

/** What a step or an exclusion looks for: exactly one of `event`, `page` and `goal`. */
export interface TargetWish {
  /** Name of an event. */
  readonly event?: string | undefined;
  /** Glob over the paths of pageviews. */
  readonly page?: string | undefined;
  /** A goal, by id or by name. */
  readonly goal?: string | undefined;
  /** Filter tree as it was sent. */
  readonly filters?: readonly unknown[] | undefined;
}

export interface StepWish extends TargetWish {
  /** Default: what it looks for. */
  readonly name?: string | undefined;
  readonly optional?: boolean | undefined;
}

export interface ExclusionWish extends TargetWish {
  readonly fromStep: number;
  readonly toStep: number;
}

/** A funnel as it is written down, all defaults filled in. */
export interface FunnelDefinition {
  readonly steps: readonly StepWish[];
  readonly mode: FunnelMode;
  /** Seconds. */
  readonly window: number;
  readonly countBy: FunnelUnit;
  readonly exclusions: readonly ExclusionWish[];
  /** Keys of properties. */
  readonly holdConstant: readonly string[];
}

/** What may be said of a funnel; all but the steps has a default. */
export type DefinitionWish = { readonly [Part in keyof FunnelDefinition]?: FunnelDefinition[Part] | undefined };

/** Seconds of a window that nobody chose: a day. */
export const DEFAULT_WINDOW = 86_400;

const DEFAULTS: FunnelDefinition = {
  steps: [],
  mode: 'ordered',
  window: DEFAULT_WINDOW,
  countBy: 'visitor',
  exclusions: [],
  holdConstant: [],
};

/** Without fields that were left out: class instances of DTOs have them as undefined. */
const given = <T extends object>(from: T): T =>
  Object.fromEntries(Object.entries(from).filter(([, value]) => value !== undefined)) as T;

/** JSON as a store keeps it. TRICKY: a number such as 1e999 is read as infinite, and written as null. */
const storable = <T>(json: T): T => (json === undefined ? json : (JSON.parse(JSON.stringify(json)) as T));

/** A funnel after what was said of it; what was not said stays as it was, or has its default.
 *  Equal definitions have equal JSON, in the order of fields too. */
export const definitionOf = (wish: DefinitionWish, before: FunnelDefinition = DEFAULTS): FunnelDefinition => {
  const { steps, mode, window, countBy, exclusions, holdConstant } = { ...before, ...given(wish) };
  return {
    steps: steps.map(({ name, event, page, goal, filters, optional = false }) =>
      given({ name, event, page, goal, filters: storable(filters), optional }),
    ),
    mode,
    window,
    countBy,
    exclusions: exclusions.map(({ event, page, goal, filters, fromStep, toStep }) =>
      given({ event, page, goal, filters: storable(filters), fromStep, toStep }),
    ),
    holdConstant: [...holdConstant],
  };
};

/** Whether two definitions ask for the same. */
export const sameDefinition = (one: FunnelDefinition, other: FunnelDefinition): boolean =>
  JSON.stringify(one) === JSON.stringify(other);
