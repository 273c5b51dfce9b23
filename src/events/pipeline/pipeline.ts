// What happens to an event between its arrival and the warehouse? A list of small pure steps, and what runs them.
import type { EventInput } from '../event-input';
import { validateEvent } from '../event-input';
import { classifyChannel } from './channel';
import { copyContent, locate, takeConnection } from './content';
import { dropExcludedAddress, dropExcludedCountry, dropExcludedPath } from './exclusions';
import { deriveVisitor, dropErased } from './identity';
import { emptyRow } from './event-row';
import type { EventDraft, IngestContext, IngestStep } from './ingest.types';
import { reject } from './outcomes';
import type { FilterReason, Outcome, RejectCode } from './outcomes';
import { correctClock, keepRetention, limitFuture, takeTime } from './time';
import { splitUrl } from './url';
import { describeDevice, handleBots } from './user-agent';

/** The house's steps in their order: what refuses comes before what drops, and what drops before what costs. */
export const ingestSteps: readonly IngestStep[] = [
  takeTime,
  correctClock,
  limitFuture,
  keepRetention,
  takeConnection,
  dropExcludedAddress,
  splitUrl,
  dropExcludedPath,
  handleBots,
  locate,
  dropExcludedCountry,
  deriveVisitor,
  dropErased,
  classifyChannel,
  describeDevice,
  copyContent,
];

/** How a step ended: the event went on, or why not. */
export type StepResult = 'passed' | FilterReason | RejectCode;

/** Who counts and times the steps. Every end is told; a step that an event passed only in sampled runs, where `ns` is given too. */
export interface PipelineObserver {
  /** Whether the run that begins now is timed. */
  readonly sample: () => boolean;
  /** A monotonic clock in nanoseconds. */
  readonly now: () => number;
  readonly step: (name: string, result: StepResult, ns: number | undefined) => void;
}

/** An observer that times one run in `every`: two clock reads a step are too much for each event. */
export const sampling = (
  every: number,
  now: PipelineObserver['now'],
  step: PipelineObserver['step'],
): PipelineObserver => {
  let runs = 0;
  return { now, step, sample: () => runs++ % every === 0 };
};

const resultOf = (end: ReturnType<IngestStep>): StepResult => {
  if (end === undefined) return 'passed';
  return end.kind === 'filtered' ? end.reason : end.code;
};

/** Runs a checked event through the steps.
 *  @returns the row to store, or why there is none; never throws unless a step of a team's own does */
export function runPipeline(
  input: EventInput,
  context: IngestContext,
  steps: readonly IngestStep[] = ingestSteps,
  observer?: PipelineObserver,
): Outcome {
  const draft: EventDraft = {
    input,
    row: emptyRow(context.project.number, context.receivedAt),
    warnings: [],
    keyStable: true,
    address: '',
    clickId: '',
    userAgent: '',
  };
  const isTimed = observer?.sample() ?? false;
  for (const step of steps) {
    const startedAt = isTimed ? observer!.now() : 0;
    const end = step(draft, context);
    if (isTimed) observer!.step(step.name, resultOf(end), observer!.now() - startedAt);
    else if (end !== undefined) observer?.step(step.name, resultOf(end), undefined);
    if (end !== undefined) return end;
  }
  return {
    kind: 'event',
    row: draft.row,
    warnings: draft.warnings,
    idGiven: input.id !== undefined,
    keyStable: draft.keyStable,
  };
}

/** Checks anything that arrived as an event and runs it through the steps: the whole way of an event, in one call. */
export function ingestEvent(
  value: unknown,
  context: IngestContext,
  steps: readonly IngestStep[] = ingestSteps,
  observer?: PipelineObserver,
): Outcome {
  const checked = validateEvent(value);
  return checked.errors === undefined
    ? runPipeline(checked.ok, context, steps, observer)
    : reject('invalid_event', '', checked.errors);
}
