// What do all attempts together say? Counts, times, revenue: for all units, by value, by bucket and by part of a sample, in one statement. Pure.
import { hexOf } from '../../events';
import { bucketsOf, bucketSql, SPREAD } from '../../stats';
import { Bound, digits, int64, join, nothing, sql, text, uint32, type Sql } from '../../platform/clickhouse/sql';
import type { AttemptsWish, FunnelQuestion } from '../funnel.types';
import { attempts } from './attempt.queries';
import { HISTOGRAM_EDGES } from './histogram';
import { amountOf, currencyName, type FunnelReading } from './sequence.queries';

/** Lower edges, milliseconds, and how many attempts lie above each. */
export type Histogram = readonly [edges: readonly number[], counts: readonly number[]];

/** Figures of one step, of all units or of some. `sets` names which: bit 1 of a value, bit 2 of a bucket. */
export interface StepRow {
  readonly sets: number;
  /** 0: `value` is one; 1: the attempt has none; 2: all values without a row of their own. */
  readonly kind: number;
  readonly value: string;
  /** Beginning of a bucket, milliseconds. */
  readonly bucket: number;
  /** 1 is the first. Steps that nobody came to have no row. */
  readonly step: number;
  readonly units: number;
  /** Of a sample: its parts with their units, a part maybe several times. */
  readonly parts: readonly (readonly [part: number, units: number])[];
  /** [median, p75, p90] in milliseconds (NaN comes as null), from the step before and from the first, and histograms. */
  readonly previous: readonly (number | null)[];
  readonly first: readonly (number | null)[];
  readonly previousTimes: Histogram;
  readonly firstTimes: Histogram;
  /** Currencies with their amounts; of the last step. */
  readonly money: readonly (readonly [currency: string, amount: string])[];
}

export const OF_VALUE = 1;
export const OF_BUCKET = 2;

const edges = new Bound(
  'Array(Int64)',
  HISTOGRAM_EDGES.map((seconds) => seconds * 1_000),
);

/** How the engine is to read these statements: it looks for what could be left out of a grouping, of which there is nothing, and that is
 *  a tenth of what it needs to understand them (107 -> 97 ms CPU of a sample without rows, by country 178 -> 153). */
export const FIGURES_SETTINGS = {
  optimize_aggregators_of_group_by_keys: 0,
  optimize_group_by_function_keys: 0,
} as const;

/** Rows of a question's figures. */
export const figuresSql = (question: FunnelQuestion, reading: FunnelReading): Sql => {
  const { breakdown, interval } = question;
  const sampled = reading.sample !== undefined;
  const bucket =
    interval === undefined
      ? undefined
      : bucketSql(bucketsOf(question, interval), sql`fromUnixTimestamp64Milli(times[1], 'UTC')`);
  // A row a step: columns for each step would make a statement that takes longer to understand than a sample to read.
  const grouped = sql`
    SELECT ${breakdown === undefined ? sql`''` : sql`value`} AS shown_value, ${bucket ?? sql`toInt64(0)`} AS own_bucket,
      ${sampled ? sql`cityHash64(identity) % ${digits(SPREAD)}` : sql`toUInt64(0)`} AS part, step, count() AS units,
      groupArrayIf(took, place > 1) AS previous_times, groupArrayIf(at - times[1], place > 1) AS first_times,
      groupArrayIf(money, money != 0 AND place = length(times)) AS paid
    FROM (${attempts(question, reading)})
    ARRAY JOIN reached AS step, times AS at, arrayDifference(times) AS took, arrayEnumerate(times) AS place
    GROUP BY shown_value, own_bucket, part, step`;
  const ranked =
    breakdown === undefined
      ? grouped
      : sql`
    SELECT *, multiIf(shown_value = '', 1, place <= ${uint32(breakdown.limit)}, 0, 2) AS own_kind, if(own_kind = 0, substring(shown_value, 2), '') AS own_value
    FROM (SELECT *, dense_rank() OVER (ORDER BY shown_value = '', of_value DESC, shown_value) AS place
      FROM (SELECT *, sumIf(units, step = 1) OVER (PARTITION BY shown_value) AS of_value FROM (${grouped})))`;
  const sets = [0, ...(breakdown === undefined ? [] : [OF_VALUE]), ...(interval === undefined ? [] : [OF_BUCKET])];
  // Each row once for every set it counts in. Grouping sets say the same, and the engine takes longer to understand them.
  const inSet = (bit: number, own: Sql, name: Sql): Sql =>
    sql`if(sets = ${digits(bit)}, ${own}, defaultValueOfArgumentType(${own})) AS ${name}`;
  const columns = [
    ...(sets.length === 1 ? [] : [sql`sets`]),
    ...(breakdown === undefined
      ? []
      : [inSet(OF_VALUE, sql`own_kind`, sql`kind`), inSet(OF_VALUE, sql`own_value`, sql`value`)]),
    ...(interval === undefined ? [] : [inSet(OF_BUCKET, sql`own_bucket`, sql`bucket`)]),
  ];
  const placed =
    columns.length === 0
      ? grouped
      : sql`SELECT *, ${join(columns, ', ')} FROM (${ranked}) ARRAY JOIN ${new Bound('Array(UInt8)', sets)} AS sets`;
  // What is the same in every row is no key: five keys for one cost a third more (102 -> 135 ms CPU of a sample without rows).
  const keys = [
    ...(sets.length === 1 ? [] : [sql`sets`]),
    ...(breakdown === undefined ? [] : [sql`kind, value`]),
    ...(interval === undefined ? [] : [sql`bucket`]),
    sql`step`,
  ];
  const quantiles = (times: Sql): Sql => sql`quantilesExactInclusiveArray(0.5, 0.75, 0.9)(${times})`;
  // Counted out of the lists: a map for each unit would cost more than all of the rest.
  const histogram = (times: Sql): Sql =>
    sql`sumMap(arrayMap(ms -> roundDown(ms, ${edges}), ${times}), arrayMap(ms -> toUInt64(1), ${times}))`;
  const summed = sql`
    SELECT ${sets.length === 1 ? sql`0 AS sets` : sql`sets`}, ${breakdown === undefined ? sql`0 AS kind, '' AS value` : sql`kind, value`},
      ${interval === undefined ? sql`0 AS bucket` : sql`bucket`}, step, sum(units) AS all_units,
      ${sampled ? sql`groupArray((part, units))` : sql`[]`} AS parts,
      ${quantiles(sql`previous_times`)} AS previous, ${quantiles(sql`first_times`)} AS first,
      ${histogram(sql`previous_times`)} AS previousTimes, ${histogram(sql`first_times`)} AS firstTimes,
      sumMap(arrayMap(one -> bitShiftRight(one, 64), paid), arrayMap(one -> toInt128(reinterpretAsInt64(toUInt64(one))), paid), arrayMap(one -> 1, paid)) AS sums
    FROM (${placed})
    GROUP BY ${join(keys, ', ')}`;
  return sql`
    SELECT sets, kind, value, bucket, step, all_units AS units, parts, previous, first, previousTimes, firstTimes,
      arrayMap((code, amount) -> (${currencyName(sql`code`)}, toString(${amountOf(sql`amount`)})), sums.1, sums.2) AS money
    FROM (${summed})`;
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
