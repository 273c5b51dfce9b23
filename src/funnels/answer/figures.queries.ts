// What do all attempts together say? Counts, times, revenue: for all units, by value, by bucket and by part of a sample, in one statement. Pure.
import { hexOf } from '../../events';
import { bucketsOf, bucketSql, SPREAD } from '../../stats';
import { Bound, digits, ident, int64, join, nothing, sql, text, uint32, type Sql } from '../../platform/clickhouse/sql';
import type { AttemptsWish, FunnelQuestion } from '../funnel.types';
import { attempts } from './attempt.queries';
import { HISTOGRAM_EDGES } from './histogram';
import { amountOf, currencyName, type FunnelReading } from './sequence.queries';

/** Lower edges, milliseconds, and how many attempts lie above each. */
export type Histogram = readonly [edges: readonly number[], counts: readonly number[]];

/** A row of figures. `sets` names what it is of: bit 1 a value, bit 2 a bucket, bit 4 a part. */
export interface FiguresRow {
  readonly sets: number;
  /** 0: `value` is one; 1: the attempt has none; 2: all values without a row of their own. */
  readonly kind: number;
  readonly value: string;
  /** Beginning of a bucket, milliseconds. */
  readonly bucket: number;
  readonly part: number;
  /** By step. */
  readonly counts: readonly number[];
  /** By step from the second on: [median, p75, p90] in milliseconds (NaN comes as null), and a histogram. */
  readonly previous: readonly (readonly (number | null)[])[];
  readonly first: readonly (readonly (number | null)[])[];
  readonly previousTimes: readonly Histogram[];
  readonly firstTimes: readonly Histogram[];
  /** Currencies with their amounts. */
  readonly money: readonly (readonly [currency: string, amount: string])[];
}

export const OF_VALUE = 1;
export const OF_BUCKET = 2;
export const OF_PART = 4;

const column = (name: string, step: number): Sql => ident(`${name}_${step}`);
const edges = new Bound(
  'Array(Int64)',
  HISTOGRAM_EDGES.map((seconds) => seconds * 1_000),
);

/** Rows of a question's figures. */
export const figuresSql = (question: FunnelQuestion, reading: FunnelReading): Sql => {
  const { steps, breakdown, interval } = question;
  const all = steps.map((_, at) => at + 1);
  const later = all.slice(1);
  const sampled = reading.sample !== undefined;
  const place = (step: number): Sql => sql`indexOf(reached, ${digits(step)})`;
  const took = {
    previous: (step: number) => sql`times[${place(step)}] - times[${place(step)} - 1]`,
    first: (step: number) => sql`times[${place(step)}] - times[1]`,
  };
  const perStep = later.flatMap((step) =>
    (['previous', 'first'] as const).map(
      (since) => sql`groupArrayIf(${took[since](step)}, ${place(step)} > 1) AS ${column(since, step)}`,
    ),
  );
  const bucket =
    interval === undefined
      ? undefined
      : bucketSql(bucketsOf(question, interval), sql`fromUnixTimestamp64Milli(times[1], 'UTC')`);
  const grouped = sql`
    SELECT ${breakdown === undefined ? sql`''` : sql`value`} AS shown_value, ${bucket ?? sql`toInt64(0)`} AS bucket,
      ${sampled ? sql`cityHash64(identity) % ${digits(SPREAD)}` : sql`toUInt64(0)`} AS part, count() AS units,
      ${join(
        [
          ...all.map((step) => sql`countIf(has(reached, ${digits(step)})) AS ${column('held', step)}`),
          ...perStep,
          sql`groupArrayIf(money, money != 0) AS paid`,
        ],
        ', ',
      )}
    FROM (${attempts(question, reading)})
    GROUP BY shown_value, bucket, part`;
  const ranked =
    breakdown === undefined
      ? sql`SELECT *, toUInt8(0) AS kind, '' AS value FROM (${grouped})`
      : sql`
    SELECT *, multiIf(shown_value = '', 1, place <= ${uint32(breakdown.limit)}, 0, 2) AS kind, if(kind = 0, substring(shown_value, 2), '') AS value
    FROM (SELECT *, dense_rank() OVER (ORDER BY shown_value = '', of_value DESC, shown_value) AS place
      FROM (SELECT *, sum(units) OVER (PARTITION BY shown_value) AS of_value FROM (${grouped})))`;
  const sets = [
    sql`()`,
    ...(breakdown === undefined ? [] : [sql`(kind, value)`]),
    ...(interval === undefined ? [] : [sql`(bucket)`]),
    ...(sampled ? [sql`(part)`] : []),
    ...(sampled && breakdown !== undefined ? [sql`(kind, value, part)`] : []),
  ];
  const list = (parts: readonly Sql[]): Sql => sql`[${join(parts, ', ')}]`;
  const quantiles = (since: 'previous' | 'first'): Sql =>
    list(later.map((step) => sql`quantilesExactInclusiveArray(0.5, 0.75, 0.9)(${column(since, step)})`));
  // Counted out of the lists: a map for each unit would cost more than all of the rest.
  const times = (since: 'previous' | 'first'): Sql =>
    list(
      later.map(
        (step) =>
          sql`sumMap(arrayMap(ms -> roundDown(ms, ${edges}), ${column(since, step)}), arrayMap(ms -> toUInt64(1), ${column(since, step)}))`,
      ),
    );
  const grouping = (name: string, bit: number): Sql => sql`if(grouping(${ident(name)}) = 1, 0, ${digits(bit)})`;
  const names = [
    ...(breakdown === undefined ? [] : [grouping('value', OF_VALUE)]),
    ...(interval === undefined ? [] : [grouping('bucket', OF_BUCKET)]),
    ...(sampled ? [grouping('part', OF_PART)] : []),
  ];
  return sql`
    SELECT ${names.length === 0 ? sql`0` : names.reduce((sum, one) => sql`${sum} + ${one}`)} AS sets,
      ${breakdown === undefined ? sql`0 AS kind, '' AS value` : sql`kind, value`},
      ${interval === undefined ? sql`0 AS bucket` : sql`bucket`}, ${sampled ? sql`part` : sql`0 AS part`},
      ${list(all.map((step) => sql`sum(${column('held', step)})`))} AS counts,
      ${quantiles('previous')} AS previous, ${quantiles('first')} AS first,
      ${times('previous')} AS previousTimes, ${times('first')} AS firstTimes,
      sumMap(arrayMap(one -> bitShiftRight(one, 64), paid), arrayMap(one -> toInt128(reinterpretAsInt64(toUInt64(one))), paid)) AS sums,
      arrayMap((code, units) -> (${currencyName(sql`code`)}, toString(${amountOf(sql`units`)})), sums.1, sums.2) AS money
    FROM (${ranked})
    ${sets.length === 1 ? nothing : sql`GROUP BY GROUPING SETS (${join(sets, ', ')})`}`;
};

/** A row of the list of attempts. */
export interface AttemptRow {
  readonly visitor: string;
  /** 16 hexadecimal digits and a beginning; sessions only. */
  readonly session: string;
  readonly began: number;
  readonly reached: readonly number[];
  readonly times: readonly number[];
}

/** Attempts that came as far as a step, or no further: newest first. */
export const attemptsSql = (
  question: FunnelQuestion,
  { step, dropped, limit, after }: AttemptsWish,
  reading: FunnelReading,
): Sql => {
  const bySession = question.countBy === 'session';
  const unit = bySession ? sql`concat(visitor, ':', session, ':', toString(began))` : sql`visitor`;
  const { breakdown: _breakdown, interval: _interval, ...bare } = question;
  return sql`
    SELECT ${hexOf(sql`identity`)} AS visitor, ${bySession ? hexOf(sql`session_id`) : sql`''`} AS session,
      ${bySession ? sql`toUnixTimestamp64Milli(session_began)` : sql`0`} AS began, ${unit} AS unit, reached, times
    FROM (${attempts(bare, reading)})
    WHERE ${dropped ? sql`reached[-1] = ${digits(step)}` : sql`has(reached, ${digits(step)})`}${
      after === undefined
        ? nothing
        : sql` AND (times[1] < ${int64(after.startedAt)} OR (times[1] = ${int64(after.startedAt)} AND unit > ${text(after.unit)}))`
    }
    ORDER BY times[1] DESC, unit
    LIMIT ${uint32(limit)}`;
};
