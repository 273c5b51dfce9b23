// What does the answer of the warehouse become? The answers of the contract. Pure.
import { isoInZone } from '../common/time-zone';
import { SECOND_MS } from '../common/time-range';
import { bucketsOf, toMeta } from '../stats';
import type * as dto from './funnel-answers.dto';
import { lastRequired } from './funnel-inquiry';
import type {
  Attempt,
  FunnelAnswer,
  FunnelFigures,
  FunnelQuestion,
  FunnelShape,
  StepTimes,
  TrendBucket,
} from './funnel.types';
import type { SavedFunnel } from './saved-funnel.types';

/** Names of a funnel's rows. In mode `any` a row is not a step but a number of them. */
export const namesOf = ({ steps, mode }: Pick<FunnelShape, 'steps' | 'mode'>): readonly string[] =>
  steps.map(({ name }, at) => (mode === 'any' ? `${at + 1} of ${steps.length}` : name));

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

const toTimes = (times: StepTimes | undefined): dto.StepTimesDto | null =>
  times === undefined
    ? null
    : {
        median: times.median,
        p75: times.p75,
        p90: times.p90,
        histogram: times.histogram.map((bucket) => ({ ...bucket })),
      };

/** Figures of a set of units. */
export const toFigures = (shape: FunnelShape, { steps, revenue }: FunnelFigures): dto.FunnelFiguresDto => {
  const names = namesOf(shape);
  const count = (at: number): number => steps[at]?.count ?? 0;
  const started = count(0);
  const converted = count(lastRequired(shape) - 1);
  return {
    steps: shape.steps.map(({ optional }, at) => {
      const before = at === 0 ? count(0) : count(requiredBefore(shape, at));
      const { fromPrevious, fromFirst } = steps[at] ?? {};
      return {
        name: names[at] ?? '',
        count: count(at),
        conversionFromFirst: share(count(at), started),
        conversionFromPrevious: share(count(at), before),
        dropOff: before - count(at),
        dropOffRate: share(before - count(at), before),
        ...(optional ? { optional } : {}),
        secondsFromPrevious: toTimes(fromPrevious),
        secondsFromFirst: toTimes(fromFirst),
      };
    }),
    conversionRate: share(converted, started),
    started,
    converted,
    revenue: revenue.map(({ currency, amount }) => ({ currency, amount })),
  };
};

/** The index of the nearest earlier step that is not optional; the first never is. */
const requiredBefore = ({ steps }: FunnelShape, at: number): number =>
  Math.max(
    0,
    steps.slice(0, at).findLastIndex(({ optional }) => !optional),
  );

/** Rows by value, as they come, and `other` last. */
const toRows = (shape: FunnelShape, { rows, other }: FunnelAnswer): dto.FunnelRowDto[] => [
  ...(rows ?? []).map((row) => ({ value: row.value, ...toFigures(shape, row) })),
  ...(other === undefined ? [] : [{ value: null, other: true as const, ...toFigures(shape, other) }]),
];

/** Every bucket of the range, those in which nothing began as zeros.
 *  @param now a bucket is complete when its last attempt's window has closed by then */
export const toTrend = (
  question: FunnelQuestion,
  interval: NonNullable<FunnelQuestion['interval']>,
  trend: readonly TrendBucket[],
  now: number,
): dto.FunnelBucketDto[] => {
  const { range, timezone, steps, windowMs } = question;
  const starts = bucketsOf(question, interval);
  const found = new Map(trend.map(({ start, counts }) => [start, counts]));
  return starts.map((start, at) => {
    const counts = steps.map((_, step) => found.get(start)?.[step] ?? 0);
    const started = counts[0] ?? 0;
    const converted = counts[lastRequired(question) - 1] ?? 0;
    return {
      time: isoInZone(timezone, start),
      counts,
      started,
      converted,
      conversionRate: share(converted, started),
      complete: (starts[at + 1] ?? range.to) + windowMs <= now,
    };
  });
};

/** What the figures are of. */
export const toFunnelMeta = (
  { range, timezone, interval, explain }: FunnelQuestion,
  funnel: SavedFunnel | undefined,
  { explain: cost, ...account }: FunnelAnswer['account'] = {},
): dto.FunnelMetaDto => ({
  ...(funnel === undefined ? {} : { funnel: { id: funnel.id, name: funnel.name, revision: funnel.revision } }),
  ...toMeta(range, timezone, interval, {
    ...account,
    ...(explain === true && cost !== undefined ? { explain: cost } : {}),
  }),
});

/** The answer to a question about a funnel. */
export const toFunnelStats = (
  question: FunnelQuestion,
  answer: FunnelAnswer,
  funnel: SavedFunnel | undefined,
  now: number,
): dto.FunnelComparisonDto => ({
  data: toFigures(question, answer.total),
  ...(question.breakdown === undefined ? {} : { breakdown: toRows(question, answer) }),
  ...(question.interval === undefined ? {} : { trend: toTrend(question, question.interval, answer.trend ?? [], now) }),
  meta: toFunnelMeta(question, funnel, answer.account),
});

/** When an attempt began, milliseconds. */
export const startOf = ({ events }: Attempt): number => events[0]?.at ?? 0;

/** A unit's attempt. */
export const toAttempt = (question: FunnelQuestion, attempt: Attempt): dto.AttemptDto => {
  const names = namesOf(question);
  const iso = (at: number): string => isoInZone(question.timezone, at);
  const { visitor, sessionBeganAt, events } = attempt;
  const start = startOf(attempt);
  return {
    visitor,
    ...(sessionBeganAt === undefined ? {} : { session: { beganAt: iso(sessionBeganAt) } }),
    startedAt: iso(start),
    reached: events.at(-1)?.step ?? 0,
    steps: events.map(({ step, at }) => ({
      step,
      name: names[step - 1] ?? '',
      time: iso(at),
      secondsFromStart: (at - start) / SECOND_MS,
    })),
  };
};
