// Who was new, stayed, came back or stayed away in each period, and on how many days was somebody there? Selected events, by visitor.
import type { TimeRange } from '../../common/time-range';
import { sql, uint32, type Sql } from '../../platform/clickhouse/sql';
import { bucketSql, bucketsOf } from '../stats.queries';
import { doubledOf, historyOf, partOf, placeOf, type Reading, selected } from './retention.queries';
import type { ActivityQuestion } from './retention.types';

/** Lifecycle: rows { period, part, fresh, returning, resurrected, dormant, doubled }; `period` is the place among all periods of the
 *  question, 1 for the one before the first row. */
export const lifecycleSql = (question: ActivityQuestion, reading: Reading): Sql => {
  const { source, where } = selected(question, historyOf(question), reading);
  const last = question.periods.starts.length - 1;
  // Place 0 is all of the time before; a visitor who was there has a first place of 0, and is new in none of the rows.
  return sql`
    SELECT fact.1 AS period, part, countIf(fact.2 = 1) AS fresh, countIf(fact.2 = 2) AS returning,
      countIf(fact.2 = 3) AS resurrected, countIf(fact.2 = 4) AS dormant, ${doubledOf(question.project, reading.sample)} AS doubled
    FROM (
      SELECT identity, ${partOf(reading.sample)} AS part, arraySort(groupUniqArray(${placeOf(question.periods.starts)})) AS places
      FROM ${source}
      WHERE ${where}
      GROUP BY identity)
    ARRAY JOIN arrayConcat(
      arrayMap((place, at) -> (toInt64(place), multiIf(at = 1, 1, places[at - 1] = place - 1, 2, 3)), places, arrayEnumerate(places)),
      arrayMap(place -> (toInt64(place) + 1, 4), arrayFilter(place -> NOT has(places, place + 1), places))) AS fact
    WHERE fact.1 >= 2 AND fact.1 <= ${uint32(last)}
    GROUP BY period, part`;
};

/** The time of a question's periods alone: what was before does not matter. */
export const periodsSpan = ({ periods: { starts } }: ActivityQuestion): TimeRange => ({
  from: starts[0] ?? 0,
  to: starts.at(-1) ?? 0,
});

/** Stickiness: rows { period, part, days, visitors, doubled }, `period` from 1 on. */
export const stickinessSql = (question: ActivityQuestion, reading: Reading): Sql => {
  const span = periodsSpan(question);
  const { source, where } = selected(question, span, reading);
  const days = bucketsOf({ range: span, timezone: question.timezone }, 'day');
  return sql`
    SELECT period, part, days, count() AS visitors, ${doubledOf(question.project, reading.sample)} AS doubled
    FROM (
      SELECT identity, ${partOf(reading.sample)} AS part, ${placeOf(question.periods.starts)} AS period, uniqExact(${bucketSql(days, sql`ts`)}) AS days
      FROM ${source}
      WHERE ${where}
      GROUP BY identity, period)
    GROUP BY period, part, days`;
};
