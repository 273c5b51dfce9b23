// How are goals looked for? Each event gets the list of those that it reaches, with what each is worth. Pure.
import { during, type EventScope, filterSql, findDimension } from '../events/query';
import type { GoalTarget, GoalValue } from '../goals/goals.types';
import { join, sql, text, type Sql } from '../platform/clickhouse/sql';
import { decimalOf } from './property-metrics';
import { goalsOf } from './stats.goals';
import type { StatsPlan } from './stats.plan';
import type { StatsQuery } from './stats.types';

/** No goals: a list of (name, currency, amount, 1). */
const NO_GOALS = sql`CAST([], 'Array(Tuple(String, String, Decimal(76, 18), UInt8))')`;

/** The goals that an event reaches: a list of (name, currency, amount, 1). A currency of '' is no amount. */
const reachedSql = (goals: readonly GoalTarget[], scope: EventScope): Sql => {
  if (goals.length === 0) return NO_GOALS;
  const each = goals.map(({ name, value, filter }) => {
    const { currency, amount } = worthSql(value);
    return sql`(${text(name)}, ${currency}, ${amount}, toUInt8(${filterSql(filter, scope)}))`;
  });
  return sql`arrayFilter(goal -> goal.4, [${join(each, ', ')}])`;
};

/** What reaching a goal once is worth. */
const worthSql = (value: GoalValue | undefined): { currency: Sql; amount: Sql } => {
  if (value === undefined) return { currency: sql`''`, amount: sql`toDecimal256('0', 18)` };
  const currency = sql`${text(value.currency)}`;
  if ('amount' in value) return { currency, amount: sql`toDecimal256(${text(value.amount)}, 18)` };
  const { json, number } = findDimension(`property:${value.property}`) ?? {};
  if (json === undefined || number === undefined) throw new Error('A goal that was not checked has no such property');
  const { amount, given } = decimalOf({ json, number });
  return { currency: sql`if(${given}, ${currency}, '')`, amount };
};

/** Facets of which those of side 0 and 1 are there once a goal that the event reaches, in the form (side, at, 1, [goal]). */
const byGoal = (facets: Sql): Sql =>
  sql`arrayFlatten(arrayMap(facet -> if(facet.1 = 2, [facet], arrayMap(goal -> (facet.1, facet.2, facet.3, [goal]), facet.4)), ${facets}))`;

/** The name of a facet's goal. */
export const goalName = sql`facet.4[1].1`;

/** Events with what a question about goals asks of each: `reached`, the goals that it reaches, and `chosen`, whether the filter selects
 *  it where others are read as well. The events as they are where a question is not about goals. */
export const withGoals = (events: Sql, query: StatsQuery, scope: EventScope): Sql => {
  const goals = goalsOf(query);
  const columns = [
    ...(goals === undefined ? [] : [sql`${reachedSql(goals, scope)} AS reached`]),
    ...(query.outOf === undefined ? [] : [sql`${filterSql(query.filter, scope)} AS chosen`]),
  ];
  return columns.length === 0 ? events : sql`(SELECT *, ${join(columns, ', ')} FROM ${events})`;
};

/** What an event stands for, as a list of (side, at, 1, goals that it reaches): itself at its own time (side 0), its session at the time
 *  of the session's first event (1), and one of those that a conversion rate is out of (2). Grouped by goal: once a goal. */
export const facetsOf = (query: StatsQuery, { sides, outOf }: StatsPlan): Sql => {
  const { range, groupings } = query;
  const ofGoals = goalsOf(query) !== undefined;
  const isByGoal = groupings.some(({ kind }) => kind === 'goal');
  const facet = (side: Sql, at: Sql, holds: Sql): Sql => {
    const chosen = query.outOf === undefined ? holds : sql`${holds} AND chosen`;
    return ofGoals ? sql`(${side}, ${at}, ${chosen}, reached)` : sql`(${side}, ${at}, ${chosen})`;
  };
  const facets = [
    ...(sides.includes('events') ? [facet(sql`0`, sql`ts`, during(range))] : []),
    ...(sides.includes('sessions') ? [facet(sql`1`, sql`session_began`, during(range, sql`session_began`))] : []),
    ...(outOf === 'more' ? [sql`(2, ts, ${during(range)}, ${NO_GOALS})`] : []),
  ];
  const holding = sql`arrayFilter(facet -> facet.3, [${join(facets, ', ')}])`;
  return isByGoal ? byGoal(holding) : holding;
};
