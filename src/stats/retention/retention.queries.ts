// Who began when, and came back when? One statement: events become a visitor's periods, those become the rows of a cohort.
import type { TimeRange } from '../../common/time-range';
import {
  bothNeed,
  type Dimension,
  during,
  type EventScope,
  eventSource,
  filterSql,
  findDimension,
  moment,
  type Needs,
  needsOfFilter,
  type Sample,
  type SessionScan,
  STORABLE,
} from '../../events/query';
import { Bound, int64, join, nothing, sql, text, texts, uint32, type Sql } from '../../platform/clickhouse/sql';
import { bucketSql } from '../stats.queries';
import { SPREAD } from '../spread';
import type { ActivityQuestion, RetentionQuestion } from './retention.types';

/** What of a question is read. */
export interface Reading {
  /** How far its sessions reach; needed where its filters need sessions. */
  readonly scan?: SessionScan | undefined;
  /** Only some visitors, and rows by parts of them. */
  readonly sample?: Sample | undefined;
}

/** All of the shown history up to the end of the last period: who was there before is not new. */
export const historyOf = ({ since, periods }: ActivityQuestion): TimeRange => ({
  from: Math.max(STORABLE.from, since ?? STORABLE.from),
  to: periods.starts.at(-1) ?? STORABLE.from,
});

/** What a question needs of each event. */
export const needsOf = (question: ActivityQuestion & Partial<RetentionQuestion>): Needs =>
  [question.filter, question.start, question.comeback]
    .map(needsOfFilter)
    .concat(question.breakdown === undefined ? [] : known(question.breakdown.dimension).needs)
    .reduce(bothNeed, { identity: true, sessions: false });

const known = (name: string): Dimension => {
  const dimension = findDimension(name);
  if (dimension === undefined) throw new Error('A question that was not parsed has an unknown dimension');
  return dimension;
};

/** Selected events of a stretch of time. `selects` writes a further filter. */
export const selected = (question: ActivityQuestion, read: TimeRange, { scan, sample }: Reading) => {
  const { project, since, range, filter } = question;
  const scope = (of: TimeRange): EventScope => ({
    project,
    range: of,
    ...(since === undefined ? {} : { since }),
    ...(scan === undefined ? {} : { sessions: scan }),
    ...(sample === undefined ? {} : { sample }),
  });
  // `did` means the range that was asked for, as in every other question, not all that is read.
  const asked = scope(range);
  return {
    source: eventSource(scope(read), needsOf(question)),
    where: sql`${during(read)} AND ${filterSql(filter, asked)}`,
    selects: (further: RetentionQuestion['start']): Sql => filterSql(further, asked),
  };
};

/** The place of a moment among periods, 1 for the first; 0: before all of them. There must be nothing after the last. */
export const placeOf = (starts: readonly number[], at = sql`ts`): Sql => {
  const begins = starts.slice(0, -1);
  const [first = 0] = begins;
  const bucket = bucketSql([first - 1, ...begins], at);
  const places = begins.map((_, place) => place + 1);
  return sql`transform(${bucket}, ${new Bound('Array(Int64)', begins)}, ${new Bound('Array(Int32)', places)}, toInt32(0))`;
};

/** The part of a sample into which a visitor falls; 0 where there is no sample. */
export const partOf = (sample: Sample | undefined): Sql =>
  sample === undefined ? sql`0` : sql`cityHash64(identity) % ${uint32(SPREAD)}`;

/** How many are users with several visitors, of whom a sample may hold some and not the others. */
export const doubledOf = (project: number, sample: Sample | undefined): Sql =>
  sample === undefined
    ? sql`0`
    : sql`countIf(identity IN (
      SELECT user_id FROM visitor_links WHERE project_id = ${uint32(project)} GROUP BY user_id HAVING uniqExact(visitor_id) > 1))`;

/** A value of a breakdown as one text: '' where an event has none, else the value behind a sign. */
const keyOf = ({ value, present }: Dimension): Sql => {
  const there = sql`concat('=', toString(${value}))`;
  return present === undefined ? there : sql`if(${present}, ${there}, '')`;
};
/** No key is this. */
const OTHER = '+';

/** The key of a value, and back: undefined for those beyond the limit. */
export const toKey = (value: string | null): string => (value === null ? '' : `=${value}`);
export const ofKey = (key: string): string | null | undefined =>
  key === OTHER ? undefined : key === '' ? null : key.slice(1);

/** Each visitor who began in the range: rows (identity, cohort, first_at, key, comings). `comings` are (place, last return in it).
 *  @param whole whether returns are wanted too */
const beginners = (question: RetentionQuestion, reading: Reading, whole: boolean): Sql => {
  const { range } = question;
  const { starts } = question.periods;
  const history = historyOf(question);
  const read = whole ? history : { from: history.from, to: range.to };
  const { source, where, selects } = selected(question, read, reading);
  const isStart = selects(question.start);
  const isReturn = selects(question.comeback);
  const key = question.breakdown === undefined ? undefined : keyOf(known(question.breakdown.dimension));
  // Who began before is nobody's beginner, and a return before the first row is none: only starts are looked for there.
  const wanted = whole ? sql`(${isStart} OR (ts >= ${moment(starts[0] ?? 0)} AND ${isReturn}))` : isStart;
  const returns = (columns: Sql): Sql => (whole ? columns : nothing);
  const valued = (columns: Sql): Sql => (key === undefined ? nothing : columns);
  // TRICKY: by visitor and period first, then by visitor: so a visitor of many events is no long list, and one of many periods a short one.
  return sql`
    SELECT identity, argMinIf(place, start_at, begins) AS cohort, minIf(start_at, begins) AS first_at
      ${valued(sql`, argMinIf(start_key, start_at, begins) AS key`)}
      ${returns(sql`, groupArrayIf((place, return_at), comes) AS comings`)}
    FROM (
      SELECT identity, ${placeOf(starts)} AS place, countIf(${isStart}) > 0 AS begins, minIf(ts, ${isStart}) AS start_at
        ${valued(sql`, argMinIf(${key ?? nothing}, (ts, received_at, seq, toString(event_id)), ${isStart}) AS start_key`)}
        ${returns(sql`, countIf(${isReturn}) > 0 AS comes, maxIf(ts, ${isReturn}) AS return_at`)}
      FROM ${source}
      WHERE ${where} AND ${wanted}
      GROUP BY identity, place)
    GROUP BY identity
    HAVING max(begins) = 1 AND ${during(range, sql`first_at`)}`;
};

/** The values that most visitors began with: rows { key }. */
export const topKeys = (question: RetentionQuestion, reading: Reading): Sql => sql`
  SELECT key FROM (${beginners(question, reading, false)})
  GROUP BY key ORDER BY count() DESC, key ASC
  LIMIT ${uint32(question.breakdown?.limit ?? 1)}`;

/** Cohorts: rows { cohort, key, part, size, cells, doubled }, `cohort` from 1 on.
 *  @param keys of the values that have rows of their own; undefined: there is no breakdown */
export const cohortsSql = (question: RetentionQuestion, reading: Reading, keys?: readonly string[]): Sql => {
  const { columns, mode, project } = question;
  const numbers = sql`range(toUInt32(${uint32(columns + 1)}))`;
  const cells =
    mode === 'on'
      ? sql`arrayMap(number -> has(offsets, number), ${numbers})`
      : sql`arrayMap(number -> number <= arrayMax(arrayPushBack(arrayFilter(offset -> offset <= ${int64(columns)}, offsets), -1)), ${numbers})`;
  const key = keys === undefined ? sql`''` : sql`if(has(${texts(keys)}, key), key, ${text(OTHER)})`;
  return sql`
    SELECT cohort, shown AS key, part, count() AS size, sumForEach(cells) AS cells, ${doubledOf(project, reading.sample)} AS doubled
    FROM (
      SELECT identity, cohort, ${key} AS shown, ${partOf(reading.sample)} AS part,
        arrayMap(coming -> toInt64(coming.1) - cohort, arrayFilter(coming -> coming.2 >= first_at, comings)) AS offsets,
        ${cells} AS cells
      FROM (${beginners(question, reading, true)}))
    GROUP BY ${join([sql`cohort`, sql`shown`, sql`part`], ', ')}`;
};
