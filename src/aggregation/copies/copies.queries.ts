// How are events kept a second time, those of a sample's visitors with all that they say, and those of all visitors as sequences? What writes
// such copies of a cell, and what holds them against the events. Pure.
import type { TimeRange } from '../../common/time-range';
import { COPIED, copyColumns, during, eventSource, ofLowest, PLAIN } from '../../events/query';
import { Bound, ident, instant, int64, join, type Sql, sql, uint32 } from '../../platform/clickhouse/sql';

/** A copy of a cell. */
export interface CopyToWrite {
  /** The project's number in the warehouse. */
  readonly project: number;
  readonly range: TimeRange;
  readonly version: number;
  /** One of so many visitors. */
  readonly of: number;
}

/** Whether another event of these rows is of the same moment. Whatever happened at one moment is in one cell. */
const isTie = (rows: Sql): Sql => sql`ts IN (SELECT ts FROM ${rows} GROUP BY ts HAVING count() > 1)`;

/** The rows of a copy, without version, from `events`. Ids only tell apart what happened at the same moment: where nothing else did there is
 *  none, as they would be a third of a copy. */
const copied = ({ project, range, of }: CopyToWrite): Sql => {
  const rows = eventSource({ project, range, sample: { of } }, PLAIN);
  const columns = COPIED.map((name) =>
    name === 'event_id'
      ? sql`if(${isTie(rows)}, event_id, toUUID('00000000-0000-0000-0000-000000000000')) AS event_id`
      : ident(name),
  );
  return sql`SELECT ${join(columns, ', ')} FROM ${rows}`;
};

const version = ({ version: of }: CopyToWrite): Bound => new Bound('UInt64', String(of));

/** Stores a copy under its version. */
export const storeCopy = (copy: CopyToWrite): Sql => sql`
  INSERT INTO sampled_events (version, ${copyColumns})
  SELECT ${version(copy)}, * FROM (${copied(copy)})`;

/** The rows of a cell's sequences, without version, from `events`. */
const sequences = ({ project, range }: CopyToWrite): Sql => {
  const rows = eventSource({ project, range }, PLAIN);
  const lists = [
    sql`groupArray(toUInt32(toUnixTimestamp64Milli(ts) - ${int64(range.from)})) AS ats`,
    sql`groupArray(if(${isTie(rows)}, bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(received_at)), 16), toUInt64(seq)), 0)) AS ties`,
    sql`groupArray(name) AS names`,
    sql`groupArray(path) AS paths`,
    sql`groupArray(currency) AS currencies`,
    sql`groupArray(revenue) AS revenues`,
  ];
  return sql`
    SELECT project_id, toDateTime(${instant(range.from)}, 'UTC') AS start, visitor_id, user_id, ats, ties, names, paths,
      arrayFilter((place, currency) -> currency != '', arrayEnumerate(currencies), currencies) AS places,
      arrayMap(place -> currencies[place], places) AS paid_in, arrayMap(place -> revenues[place], places) AS paid
    FROM (SELECT project_id, visitor_id, user_id, ${join(lists, ', ')} FROM ${rows} GROUP BY project_id, visitor_id, user_id)`;
};

/** Stores the sequences of a cell under the version of its copy. */
export const storeSequences = (copy: CopyToWrite): Sql => sql`
  INSERT INTO event_sequences (version, project_id, start, visitor_id, user_id, event.at, event.tie, event.name, event.path,
    paid.place, paid.currency, paid.revenue)
  SELECT ${version(copy)}, * FROM (${sequences(copy)})`;

/** Whether stored sequences are what new ones would be: one row { same }. */
export const sequencesAreSame = (copy: CopyToWrite): Sql => {
  const { project, range } = copy;
  const stored = sql`
    SELECT start, visitor_id, user_id, event.at AS ats, event.tie AS ties, event.name AS names, event.path AS paths,
      paid.place AS places, paid.currency AS paid_in, paid.revenue AS paid
    FROM event_sequences
    WHERE project_id = ${uint32(project)} AND version = ${version(copy)} AND toYYYYMM(start) = toYYYYMM(${instant(range.from)})`;
  // A list may be in another order: a reader sorts.
  const digest = (rows: Sql): Sql => sql`(
    SELECT (count(), sum(length(ats)),
      sum(arraySum(arrayMap((at, tie, name, path) -> cityHash64(start, visitor_id, user_id, at, tie, toString(name), toString(path)), ats, ties, names, paths))),
      sum(arraySum(arrayMap((place, currency, revenue) -> cityHash64(visitor_id, ats[place], ties[place], toString(names[place]), toString(currency), revenue), places, paid_in, paid))))
    FROM (${rows}))`;
  return sql`SELECT ${digest(stored)} = ${digest(sequences(copy))} AS same`;
};

/** Whether a stored copy is what a new one would be: one row { same }. */
export const copyIsSame = (copy: CopyToWrite): Sql => {
  const { project, range, of } = copy;
  const stored = sql`
    SELECT ${copyColumns} FROM sampled_events
    WHERE project_id = ${uint32(project)} AND version = ${version(copy)} AND ${ofLowest(of)} AND ${during(range)}`;
  // An exclusive or would not see a row that is there three times: a sum does.
  const digest = (rows: Sql): Sql => sql`(SELECT (count(), sum(cityHash64(${copyColumns}))) FROM (${rows}))`;
  return sql`SELECT ${digest(stored)} = ${digest(copied(copy))} AS same`;
};
