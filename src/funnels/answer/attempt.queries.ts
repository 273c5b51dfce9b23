// How far does each unit come? One attempt a unit, with its events, its value in a breakdown and its revenue. Pure.
import { digits, join, nothing, sql, type Sql } from '../../platform/clickhouse/sql';
import type { FunnelQuestion } from '../funnel.types';
import { begins, x } from './attempt-parts';
import { inAnyOrder } from './in-any-order.queries';
import { inOrder } from './in-order.queries';
import { keptSequences } from './kept-sequences.queries';
import { type FunnelReading, holds, maskOf, msOf, sequences, stepBits, unitColumns } from './sequence.queries';

/** One sequence for each of the values that must not change: events of other values are no steps there. */
const apart = (question: FunnelQuestion, rows: Sql): Sql => {
  const { mode, breakdown } = question;
  const own = sql`arrayMap((x, h) -> if(h = hold, x, bitXor(x, bitAnd(x, toUInt128(${digits(stepBits(question))})))), keys, holding)`;
  const mattering = mode === 'strict' ? own : sql`arrayFilter(x -> ${maskOf(x)} != 0, ${own})`;
  return sql`
    SELECT ${unitColumns(question)}, ${breakdown === undefined ? nothing : sql`shown_at, shown, `}paid_at, paid, more, ${mattering} AS keys_of, keys_of AS keys
    FROM (SELECT *, hold FROM (${rows})
      ARRAY JOIN arrayDistinct(arrayFilter((h, x) -> ${begins(question, x)}, holding, keys)) AS hold)`;
};

/** Each unit's attempt: rows (unit, `reached` Array(UInt8) of the steps it holds, `times` Array(Int64) of their milliseconds, `identity`,
 *  and as asked for `shown` (String) and `money`: see `sequences`). */
export const attempts = (question: FunnelQuestion, reading: FunnelReading): Sql => {
  const { mode, breakdown, steps } = question;
  const whole =
    reading.kept === undefined ? sequences(question, reading) : keptSequences(question, reading, reading.kept);
  const rows = holds(question) ? apart(question, whole) : whole;
  const all = mode === 'any' ? inAnyOrder(question, rows) : inOrder(question, rows);
  // Of several attempts of a unit the deepest counts, and the earliest of those.
  const one =
    mode === 'any' || holds(question)
      ? sql`
    SELECT *, best.1 AS reached, best.2 AS at
    FROM (
      SELECT ${unitColumns(question)}, ${breakdown === undefined ? nothing : sql`any(shown_at) AS shown_at, any(shown) AS shown, `}any(paid_at) AS paid_at, any(paid) AS paid,
        argMax((reached, at), (depth, bitNot(start))) AS best
      FROM (${all})
      GROUP BY ${unitColumns(question)})`
      : all;
  const value =
    breakdown === undefined
      ? []
      : [sql`shown[indexOf(shown_at, ${attributed(breakdown.attribution, breakdown.step)})] AS value`];
  return sql`
    SELECT ${join(
      [
        unitColumns(question),
        sql`reached`,
        sql`arrayMap(x -> ${msOf(x)}, at) AS times`,
        ...value,
        sql`if(reached[-1] = ${digits(steps.length)}, paid[indexOf(paid_at, at[-1])], toUInt128(0)) AS money`,
      ],
      ', ',
    )}
    FROM (${one})`;
};

const attributed = (attribution: 'first' | 'last' | 'step', step: number): Sql => {
  if (attribution === 'first') return sql`at[1]`;
  return attribution === 'last' ? sql`at[-1]` : sql`at[indexOf(reached, ${digits(step)})]`;
};
