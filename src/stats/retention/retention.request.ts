// What does a request about who comes back mean? From what was sent to a question as data. Pure: goals and `now` are values.
import type { TimeRange } from '../../common/time-range';
import { type Filter, findDimension, parseFilterText, targetFilter } from '../../events/query';
import { findGoal, type GoalTarget, namesGoals, resolveGoals } from '../../goals';
import type { OverviewQuery } from '../stats.dto';
import { badParameter } from '../stats.errors';
import { dimensionOf, type Span } from '../stats.request';
import type * as dto from './retention.dto';
import { type PeriodLength, periodLengthFor, periodsOf } from './periods';
import { type ActivityQuestion, MAX_COLUMNS, type RetentionQuestion } from './retention.types';

/** What surrounds a request. */
export interface Surroundings {
  /** The project's number, and its own zone. */
  readonly project: number;
  readonly homeZone: string;
  readonly span: Span;
  readonly goals: readonly GoalTarget[];
  readonly now: number;
}

const DEFAULT_LIMIT = 10;
/** Cells of one answer at most, those of all its tables: some ten megabytes. */
const MAX_CELLS = 100_000;

/** Whether a request names goals, so that somebody has to look them up. @throws invalidInput */
export const wantsGoals = (request: OverviewQuery & Partial<dto.RetentionQuery>): boolean =>
  request.startGoal !== undefined || request.returnGoal !== undefined || namesGoals(parseFilterText(request.filters));

/** What every question of this room has. @throws invalidInput */
const activity = (
  request: OverviewQuery,
  { project, homeZone, span, goals, now }: Surroundings,
  length: PeriodLength,
  around: { before?: number; after?: number } = {},
): ActivityQuestion => {
  const filter = resolveGoals(parseFilterText(request.filters), goals);
  return {
    project,
    homeZone,
    range: span.range,
    ...(span.since === undefined ? {} : { since: span.since }),
    timezone: span.timezone,
    length,
    periods: periodsOf(span.range, length, span.timezone, around),
    ...(filter === undefined ? {} : { filter }),
    ...(request.precision === undefined ? {} : { precision: request.precision }),
    ...(request.explain === undefined ? {} : { explain: request.explain }),
    now,
  };
};

/** The question of `/stats/retention`. @throws invalidInput */
export const retentionQuestion = (request: dto.RetentionQuery, around: Surroundings): RetentionQuestion => {
  const { span, goals } = around;
  const length = request.interval ?? periodLengthFor(span.range);
  const { rows } = periodsOf(span.range, length, span.timezone);
  const columns = request.columns ?? Math.min(rows, MAX_COLUMNS);
  const start = targetOf('start', request.startEvent, request.startPage, request.startGoal, goals);
  const comeback = targetOf('return', request.returnEvent, request.returnPage, request.returnGoal, goals);
  const breakdown = breakdownOf(request);
  const tables = breakdown === undefined ? 1 : breakdown.limit + 2;
  if (rows * (columns + 1) * tables > MAX_CELLS)
    throw badParameter(
      breakdown === undefined ? 'interval' : 'limit',
      'too_many_cells',
      `must give at most ${MAX_CELLS} cells: ask for a longer interval, fewer columns or values, or a shorter range`,
    );
  return {
    ...activity(request, around, length, { after: columns }),
    columns,
    ...(start === undefined ? {} : { start }),
    ...(comeback === undefined ? {} : { comeback }),
    mode: request.mode ?? 'on',
    ...(breakdown === undefined ? {} : { breakdown }),
  };
};

/** The question of `/stats/lifecycle`: with one period before the first row. @throws invalidInput */
export const lifecycleQuestion = (request: dto.LifecycleQuery, around: Surroundings): ActivityQuestion =>
  activity(request, around, request.interval ?? periodLengthFor(around.span.range), { before: 1 });

/** The question of `/stats/stickiness`. @throws invalidInput */
export const stickinessQuestion = (request: dto.StickinessQuery, around: Surroundings): ActivityQuestion =>
  activity(request, around, request.interval ?? stickyLengthFor(around.span.range));

const stickyLengthFor = (range: TimeRange): PeriodLength => (periodLengthFor(range) === 'month' ? 'month' : 'week');

/** The events of a beginning or a return; undefined: any. @throws invalidInput */
const targetOf = (
  side: 'start' | 'return',
  event: string | undefined,
  page: string | undefined,
  goal: string | undefined,
  goals: readonly GoalTarget[],
): Filter | undefined => {
  const given = Object.entries({ Event: event, Page: page, Goal: goal }).filter(([, value]) => value !== undefined);
  const second = given[1];
  if (second !== undefined)
    throw badParameter(
      `${side}${second[0]}`,
      'ambiguous_target',
      `must not be given together with ${side}${given[0]?.[0]}`,
    );
  if (goal !== undefined) {
    const found = findGoal(goals, goal);
    if (found === undefined)
      throw badParameter(`${side}Goal`, 'unknown_goal', 'must be the name or the id of a goal of the project');
    return found.filter;
  }
  return event === undefined && page === undefined ? undefined : targetFilter({ event, page });
};

/** @throws invalidInput */
const breakdownOf = ({ breakdown, limit }: dto.RetentionQuery): RetentionQuestion['breakdown'] => {
  if (breakdown === undefined) {
    if (limit === undefined) return undefined;
    throw badParameter('limit', 'unused', 'is how many values of breakdown are listed, which is not asked for');
  }
  // An event may reach several goals, and rows would not add up.
  if (findDimension(breakdown) === undefined && breakdown === 'goal')
    throw badParameter('breakdown', 'unknown_dimension', 'must not be goal: an event may reach several');
  dimensionOf(breakdown, 'breakdown');
  return { dimension: breakdown, limit: limit ?? DEFAULT_LIMIT };
};
