// What is a funnel that was saved?
import type { FunnelDefinition } from './funnel.definition';

/** A funnel, as one of its revisions has it. */
export interface SavedFunnel {
  readonly id: string;
  readonly name: string;
  /** 1 is the first. */
  readonly revision: number;
  readonly definition: FunnelDefinition;
  /** Milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What a funnel looked for from a moment on. */
export interface FunnelRevision {
  readonly revision: number;
  readonly definition: FunnelDefinition;
  /** Milliseconds. */
  readonly createdAt: number;
}
