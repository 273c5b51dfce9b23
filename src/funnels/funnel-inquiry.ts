// What does a request ask of a funnel? From what was sent, the funnel's shape and the goals, to a question as data. Pure.
import { decodeCursor } from '../common/cursor';
import type { TimeRange } from '../common/time-range';
import { isCleanText } from '../common/clean-text';
import { type Filter, parseFilter, parseFilterText } from '../events/query';
import { type GoalTarget, resolveGoals } from '../goals';
import { dimensionOf, type Span } from '../stats';
import type { FunnelQueryDto, FunnelStatsQuery, FunnelVisitorsQuery } from './funnel-stats.dto';
import type { AttemptsWish, FunnelBreakdown, FunnelQuestion, FunnelShape } from './funnel.types';
import { badField } from './funnels.errors';

const DEFAULT_ROWS = 10;
const DEFAULT_ATTEMPTS = 50;

type Request = Omit<FunnelStatsQuery, 'filters'> | Omit<FunnelQueryDto, 'filters'>;

/** The filter of a request, goals put into other words.
 *  @param filters JSON text of a query string, or the tree of a body
 *  @throws invalidInput */
export const filterOf = (filters: string | unknown[] | undefined, goals: readonly GoalTarget[]): Filter | undefined =>
  resolveGoals(Array.isArray(filters) ? parseFilter(filters) : parseFilterText(filters), goals);

/** The question about figures of a funnel.
 *  @throws invalidInput */
export const questionOf = (
  request: Request,
  shape: FunnelShape,
  filter: Filter | undefined,
  project: number,
  span: Span,
): FunnelQuestion => {
  const breakdown = breakdownOf(request, shape);
  const { interval, precision, explain } = request;
  return {
    ...shape,
    project,
    ...span,
    ...(filter === undefined ? {} : { filter }),
    ...(breakdown === undefined ? {} : { breakdown }),
    ...(interval === undefined ? {} : { interval }),
    ...(precision === undefined ? {} : { precision }),
    ...(explain === undefined ? {} : { explain }),
  };
};

const breakdownOf = (
  { breakdown, attribution = 'first', attributionStep, limit = DEFAULT_ROWS }: Request,
  { steps }: FunnelShape,
): FunnelBreakdown | undefined => {
  if (attribution === 'step' && attributionStep === undefined)
    throw badField('attributionStep', 'required', 'must be given with attribution=step');
  if (attribution !== 'step' && attributionStep !== undefined)
    throw badField('attributionStep', 'unexpected', 'must only be given with attribution=step');
  if (attributionStep !== undefined && attributionStep > steps.length)
    throw badField('attributionStep', 'out_of_range', `must be 1..${steps.length}, a step of the funnel`);
  if (breakdown === undefined) return undefined;
  if (breakdown === 'goal' || breakdown === 'visitor')
    throw badField('breakdown', 'not_a_breakdown', `must be a dimension of events other than ${breakdown}`);
  dimensionOf(breakdown, 'breakdown');
  return { dimension: breakdown, attribution, step: attributionStep ?? 1, limit };
};

/** The last step that every attempt which converts must hold: 1 is the first. */
export const lastRequired = ({ steps }: Pick<FunnelShape, 'steps'>): number =>
  steps.length - steps.toReversed().findIndex(({ optional }) => !optional);

/** Whose attempts a request wants, one more than a page holds.
 *  @throws invalidInput where it says two things, or asks for those who dropped at the last step */
export const attemptsOf = (
  { step, state, dropped, limit = DEFAULT_ATTEMPTS }: FunnelVisitorsQuery,
  shape: FunnelShape,
  after?: AttemptsWish['after'],
): AttemptsWish => {
  const said = dropped === undefined ? state : dropped ? 'dropped' : 'converted';
  if (state !== undefined && said !== state)
    throw badField('dropped', 'contradiction', `must not be ${String(dropped)} together with state=${state}`);
  const count = shape.steps.length;
  if (step !== undefined && step > count)
    throw badField('step', 'out_of_range', `must be 1..${count}, a step of the funnel`);
  if (said !== 'dropped')
    return { step: step ?? lastRequired(shape), dropped: false, limit: limit + 1, ...(after && { after }) };
  if (step === undefined) throw badField('step', 'required', 'must be given for those who dropped');
  if (step === count)
    throw badField(
      'step',
      'out_of_range',
      `must be 1..${count - 1} for those who dropped: nothing comes after the last step`,
    );
  return { step, dropped: true, limit: limit + 1, ...(after && { after }) };
};

/** Where a walk through attempts stands: its last row, and what it was begun with. */
export interface AttemptsPlace {
  readonly after: NonNullable<AttemptsWish['after']>;
  readonly range: TimeRange;
  readonly revision: number;
}

/** What a cursor of attempts holds. */
export const cursorValues = ({ after, range, revision }: AttemptsPlace): (string | number)[] => [
  after.startedAt,
  after.unit,
  range.from,
  range.to,
  revision,
];

/** Reads a cursor of attempts. @throws invalidInput */
export const readPlace = (cursor: string): AttemptsPlace => {
  const [startedAt, unit, from, to, revision] = decodeCursor(cursor, [
    'number',
    'string',
    'number',
    'number',
    'number',
  ] as const);
  const isMoment = (at: number): boolean => Number.isSafeInteger(at) && Math.abs(at) < 8.6e15;
  const whole =
    [startedAt, from, to].every(isMoment) &&
    from < to &&
    Number.isSafeInteger(revision) &&
    revision >= 1 &&
    revision < 2 ** 31;
  if (!whole || unit.length > 200 || !isCleanText(unit)) throw wrongCursor('a cursor that this list returned');
  return { after: { startedAt, unit }, range: { from, to }, revision };
};

/** The range of a walk: that of its first page, as a period moves on between two pages.
 *  @throws invalidInput where the range was spelled out, and is another one */
export const spanOfWalk = (span: Span, period: string | undefined, place: AttemptsPlace | undefined): Span => {
  if (place === undefined) return span;
  const { range } = place;
  if (period === undefined && (range.from !== span.range.from || range.to !== span.range.to))
    throw wrongCursor('a cursor of the same range');
  return { ...span, range };
};

const wrongCursor = (what: string) => badField('cursor', 'invalid_cursor', `must be ${what}`);
