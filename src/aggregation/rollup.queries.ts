// How is a cell worked out from raw events? The statements that write its rows, and those that find which cells a change touches.
import { DAY_MS, HOUR_MS, type TimeRange } from '../common/time-range';
import {
  DIMENSIONS,
  during,
  type EventScope,
  eventSource,
  findDimension,
  moment,
  NAMED_GAP_MS,
  SESSION_GAP_MS,
  type SessionScan,
  sessionSource,
  within,
} from '../events/query';
import {
  Bound,
  digits,
  ident,
  instant,
  int64,
  join,
  nothing,
  type Sql,
  sql,
  texts,
  uint32,
} from '../platform/clickhouse/sql';

/** Rows are for these dimensions and for properties. A visitor is no chart, and titles follow their pages. */
export const ROLLUP_DIMENSIONS: readonly string[] = DIMENSIONS.filter(
  (name) => name !== 'visitor' && name !== 'title' && name !== 'goal',
);
/** Values of one dimension that a cell keeps one by one; the rest is one row, `other`. */
export const MAX_VALUES = 5_000;
/** Keys of properties that a cell keeps, the most frequent ones. */
export const MAX_KEYS = 50;
export const PROPERTY = 'property:';

/** The tables of derived figures. */
export type RollupTable = 'rollup_totals' | 'rollup_values';
/** All tables whose rows have a version. Totals come last where rows are deleted: by them versions are found. */
export const DERIVED_TABLES = ['rollup_values', 'sampled_events', 'event_sequences', 'rollup_totals'] as const;
export type DerivedTable = (typeof DERIVED_TABLES)[number];

/** When a row is. */
const AT: Readonly<Record<DerivedTable, Sql>> = {
  rollup_totals: sql`start`,
  rollup_values: sql`start`,
  sampled_events: sql`ts`,
  event_sequences: sql`start`,
};
/** Rows lie in partitions by the month (YYYYMM) or the year of that. */
const partitionOf = (table: DerivedTable): Sql =>
  table === 'event_sequences' ? sql`toYYYYMM(${AT[table]})` : sql`toYear(${AT[table]})`;

/** One cell to compute. */
export interface Cell {
  readonly project: number;
  readonly range: TimeRange;
  /** Only events before this moment count, milliseconds. */
  readonly cut: number;
  readonly version: number;
}

const version = (value: number): Bound => new Bound('UInt64', String(value));

const scopeOf = ({ project, range, cut }: Omit<Cell, 'version'>, sessions?: SessionScan): EventScope => ({
  project,
  range,
  cut,
  ...(sessions === undefined ? {} : { sessions }),
});

const money = (condition: Sql): Sql =>
  sql`sumMapIf(map(currency, toDecimal128(revenue, 4)), currency != ''${condition})`;
const quarter = (at: Sql): Sql => sql`toStartOfInterval(toDateTime(${at}), INTERVAL 15 MINUTE)`;
const sessionMs = sql`toUInt64(dateDiff('millisecond', session_began, session_ended))`;
const isBounce = sql`session_events = 1 AND session_pageviews = 1`;

/** Events in a stretch, each once: one row { events }. */
export const countEvents = (project: number, range: TimeRange): Sql => sql`
  SELECT count() AS events FROM ${eventSource({ project, range }, { identity: false, sessions: false })}`;

/** Keys of the properties that a cell has, the most frequent first: rows { key }, one more than are kept. */
export const frequentKeys = (cell: Omit<Cell, 'version'>): Sql => sql`
  SELECT arrayJoin(mapKeys(properties)) AS key
  FROM ${eventSource(scopeOf(cell), { identity: false, sessions: false })}
  GROUP BY key
  ORDER BY count() DESC, key
  LIMIT ${uint32(MAX_KEYS + 1)}`;

/** Totals of a cell, of its hours and quarters, as rows of `rollup_totals` without project and version. */
export const totalsOf = (cell: Omit<Cell, 'version'>, scan: SessionScan): Sql => {
  const { range } = cell;
  const scope = scopeOf(cell, scan);
  const states = (of: Sql): Sql =>
    sql`uniqCombinedStateIf(12)(identity, ${of}) AS visitors_state, uniqCombinedStateIf(14)(identity, ${of}) AS fine_state`;
  const ofEvents = sql`
    SELECT ${quarter(sql`ts`)} AS quarter, count() AS hits, countIf(name = 'pageview') AS views, ${money(nothing)} AS amounts,
      toUInt64(0) AS begun, toUInt64(0) AS begun_views, toUInt64(0) AS bounced, toUInt64(0) AS length_ms, ${states(sql`1`)}
    FROM ${eventSource(scope, { identity: true, sessions: false })}
    GROUP BY quarter`;
  const ofSessions = sql`
    SELECT ${quarter(sql`session_began`)} AS quarter, toUInt64(0) AS hits, toUInt64(0) AS views,
      CAST(map(), 'Map(LowCardinality(String), Decimal(38, 4))') AS amounts,
      count() AS begun, sum(session_pageviews) AS begun_views, countIf(${isBounce}) AS bounced, sum(${sessionMs}) AS length_ms, ${states(sql`0`)}
    FROM ${sessionSource(scope)}
    WHERE ${during(range, sql`session_began`)}
    GROUP BY quarter`;
  // Whole UTC hours of the cell; a local day of another offset has quarters at its edges that no hour covers.
  const firstHour = Math.ceil(range.from / HOUR_MS) * HOUR_MS;
  const lastHour = Math.floor(range.to / HOUR_MS) * HOUR_MS;
  const inHours = sql`quarter >= ${instant(firstHour)} AND quarter < ${instant(lastHour)}`;
  return sql`
    SELECT row.1 AS grain, row.2 AS start, sum(hits) AS events, sum(views) AS pageviews, sumMap(amounts) AS revenue,
      sum(begun) AS sessions, sum(begun_views) AS session_pageviews, sum(bounced) AS bounces, sum(length_ms) AS session_ms,
      uniqCombinedMergeState(12)(visitors_state) AS visitors,
      uniqCombinedMergeStateIf(14)(fine_state, row.1 = 'c') AS visitors_fine
    FROM (${ofEvents} UNION ALL ${ofSessions})
    ARRAY JOIN arrayFilter(row -> row.1 != '', [
      ('c', toDateTime(${instant(range.from)})), (if(${inHours}, 'q', 'e'), quarter), (if(${inHours}, 'h', ''), toStartOfHour(quarter))]) AS row
    GROUP BY row`;
};

/** The value of a property as a client sees it: a text without its quotes, all else as its JSON. Few texts need to be unescaped. */
const shown = sql`multiIf(NOT startsWith(json, '"'), json, position(json, '\\\\') = 0, substring(json, 2, length(json) - 2), JSONExtractString(json))`;

/** (place of the dimension in `namesOf`, value) of an event. A number is grouped by at a third less than a name. */
const pairsOf = ({ dimensions, keys }: ValuesPart): Sql => {
  const fixed = dimensions.map(
    (name, at) => sql`(toUInt8(${uint32(at + 1)}), toString(${findDimension(name)?.value ?? nothing}))`,
  );
  const properties = sql`arrayFilter(pair -> pair.1 != 0, arrayMap((key, json) ->
      (toUInt8(if(has(${texts(keys)}, key), ${uint32(dimensions.length)} + indexOf(${texts(keys)}, key), 0)), ${shown}), mapKeys(properties), mapValues(properties)))`;
  if (keys.length === 0) return sql`[${join(fixed, ', ')}]`;
  return fixed.length === 0 ? properties : sql`arrayConcat([${join(fixed, ', ')}], ${properties})`;
};

/** Names of the dimensions of a part, in the order of their places. */
const namesOf = ({ dimensions, keys }: ValuesPart): Bound =>
  texts([...dimensions, ...keys.map((key) => PROPERTY + key)]);

/** Which dimensions and keys one statement is for, and which of their values it leaves to others. */
export interface ValuesPart {
  readonly dimensions: readonly string[];
  readonly keys: readonly string[];
}

/** Figures of a cell by dimension and value, the frequent ones, as rows of `rollup_values` without project and version. */
export const valuesOf = (cell: Omit<Cell, 'version'>, scan: SessionScan, part: ValuesPart): Sql => sql`
  ${byValue(cell, scan, part, pairsOf(part), 0)}
  ORDER BY dimension, pageviews DESC, events DESC, value
  LIMIT ${uint32(MAX_VALUES)} BY dimension`;

/** One row a dimension, `other`: what all values together are that are not stored under this version. */
export const othersOf = (cell: Cell, scan: SessionScan, part: ValuesPart): Sql => {
  const kept = sql`SELECT dimension, value FROM rollup_values WHERE ${ofVersion(cell)} AND other = 0`;
  const others = sql`arrayDistinct(arrayMap(pair -> (pair.1, ''), arrayFilter(pair -> (${namesOf(part)}[pair.1], pair.2) NOT IN (${kept}), ${pairsOf(part)})))`;
  return byValue(cell, scan, part, others, 1);
};

const byValue = (cell: Omit<Cell, 'version'>, scan: SessionScan, part: ValuesPart, pairs: Sql, other: 0 | 1): Sql => {
  const inCell = during(cell.range);
  const begun = during(cell.range, sql`session_began`);
  // Amounts are rare: gathered as they are, and summed by currency once at the end. A map for each row would be most of the work.
  // TRICKY: a sum of lists leaves out keys whose sums are all 0. An amount of 0 is one too, so amounts are counted beside.
  const sums = sql`sumMap(amounts.1, amounts.2, arrayMap(one -> 1, amounts))`;
  return sql`
  SELECT ${namesOf(part)}[place_of] AS dimension, value, toDateTime(${instant(cell.range.from)}) AS start, toUInt8(${uint32(other)}) AS other,
    sum(hits) AS events, sum(views) AS pageviews, CAST((${sums}.1, ${sums}.2), 'Map(LowCardinality(String), Decimal(38, 4))') AS revenue,
    countIf(begun) AS sessions, sumIf(whole_views, begun) AS session_pageviews, countIf(begun AND bounced) AS bounces,
    sumIf(length_ms, begun) AS session_ms, finalizeAggregation(visitors) AS visitor_count, uniqCombinedStateIf(12)(identity, hits > 0) AS visitors
  FROM (
    SELECT pair.1 AS place_of, pair.2 AS value, any(who) AS identity, sum(in_cell) AS hits, countIf(is_view AND in_cell) AS views,
      groupArrayIf((currency, toDecimal128(revenue, 4)), in_cell AND currency != '') AS amounts,
      any(is_begun) AS begun, any(session_pageviews) AS whole_views, any(is_bounce) AS bounced, any(length) AS length_ms
    FROM (
      SELECT *, identity AS who, cityHash64(identity, session_id, session_began) AS session, name = 'pageview' AS is_view,
        (${inCell}) AS in_cell, (${begun}) AS is_begun, (${isBounce}) AS is_bounce, ${sessionMs} AS length
      FROM ${eventSource(scopeOf(cell, scan), { identity: true, sessions: true, ends: true })})
    ARRAY JOIN ${pairs} AS pair
    WHERE in_cell OR is_begun
    GROUP BY place_of, value, session)
  GROUP BY place_of, value`;
};

const ofVersion = ({ project, range, version: of }: Cell): Sql =>
  sql`project_id = ${uint32(project)} AND version = ${version(of)} AND start >= toDateTime(${instant(range.from)}) AND start < toDateTime(${instant(range.to)})`;

/** Stores rows under the cell's version. */
export const store = (table: RollupTable, cell: Cell, rows: Sql): Sql => sql`
  INSERT INTO ${table === 'rollup_totals' ? sql`rollup_totals (project_id, version, grain, start, events, pageviews, revenue, sessions, session_pageviews, bounces, session_ms, visitors, visitors_fine)` : sql`rollup_values (project_id, version, dimension, value, start, other, events, pageviews, revenue, sessions, session_pageviews, bounces, session_ms, visitor_count, visitors)`}
  SELECT ${uint32(cell.project)}, ${version(cell.version)}, * FROM (${rows})`;

/** Dimensions of which a version has as many values as are kept, so that there may be more: rows { dimension }. */
export const fullDimensions = (cell: Cell): Sql => sql`
  SELECT dimension FROM rollup_values WHERE ${ofVersion(cell)} GROUP BY dimension HAVING count() >= ${uint32(MAX_VALUES)}`;

/** Where the totals that a version stores are not those of a new computation: rows { what }. */
export const totalDifferences = (cell: Cell, scan: SessionScan): Sql =>
  differences(
    sql`concat(toString(grain), ' ', toString(start))`,
    sql`, finalizeAggregation(visitors_fine)`,
    sql`(SELECT * FROM rollup_totals WHERE ${ofVersion(cell)})`,
    totalsOf(cell, scan),
  );

/** The same for figures by value. @param over dimensions that have a row `other` */
export const valueDifferences = (
  cell: Cell,
  scan: SessionScan,
  part: ValuesPart,
  over: ValuesPart | undefined,
): Sql => {
  const names = [...part.dimensions, ...part.keys.map((key) => PROPERTY + key)];
  const fresh = valuesOf(cell, scan, part);
  return differences(
    sql`concat(toString(dimension), if(other = 1, ' other', concat('=', value)))`,
    nothing,
    sql`(SELECT * FROM rollup_values WHERE ${ofVersion(cell)} AND dimension IN ${texts(names)})`,
    over === undefined ? fresh : sql`SELECT * FROM (${fresh}) UNION ALL ${othersOf(cell, scan, over)}`,
  );
};

/** Where stored rows and fresh ones are not alike: rows { what }. @param more figures beside those that all derived rows have */
export const differences = (key: Sql, more: Sql, stored: Sql, fresh: Sql): Sql => {
  const figures = sql`toString(tuple(events, pageviews, sessions, session_pageviews, bounces, session_ms,
    finalizeAggregation(visitors)${more}, arraySort(mapKeys(revenue)), arraySort(mapValues(revenue)))) AS figures`;
  return sql`
    SELECT what FROM (
      SELECT ${key} AS what, ${figures} FROM ${stored}
      UNION ALL
      SELECT ${key} AS what, ${figures} FROM (${fresh}))
    GROUP BY what
    HAVING count() != 2 OR min(figures) != max(figures)
    ORDER BY what
    LIMIT 100`;
};

/** Beginnings before `before` of sessions that go on in the range: rows { at }. The scope is cut at the range's end. */
export const beginnings = (project: number, range: TimeRange, before: number, scan: SessionScan): Sql => sql`
  SELECT DISTINCT toUnixTimestamp64Milli(session_began) AS at
  FROM ${sessionSource({ project, range, cut: range.to, sessions: scan })}
  WHERE session_began < ${moment(before)} AND session_ended >= ${moment(range.from)}`;

/** From the earliest beginning to the latest end of the sessions that touch the range: one row { from, to, found }, `to` exclusive. */
export const sessionsExtent = (project: number, range: TimeRange, cut: number, scan: SessionScan): Sql => sql`
  SELECT toUnixTimestamp64Milli(min(session_began)) AS from, toUnixTimestamp64Milli(max(session_ended)) + 1 AS to, count() > 0 AS found
  FROM ${sessionSource({ project, range, cut, sessions: scan })}
  WHERE session_began < ${moment(range.to)} AND session_ended >= ${moment(range.from)}`;

/** The earliest beginning of a session that may go on at `cut`: one row { at, found }. */
export const earliestOpen = (project: number, range: TimeRange, scan: SessionScan): Sql => {
  const { to: cut } = range;
  return sql`
  SELECT toUnixTimestamp64Milli(min(session_began)) AS at, count() > 0 AS found
  FROM ${sessionSource({ project, range, cut, sessions: scan })}
  WHERE session_ended >= if(session_id = 0, ${moment(cut - SESSION_GAP_MS)}, ${moment(cut - NAMED_GAP_MS)})`;
};

/** Beginnings of the UTC days with events before a moment: rows { at }. */
export const daysWithEvents = (project: number, before: number): Sql => sql`
  SELECT DISTINCT toInt64(toDate(ts)) * ${int64(DAY_MS)} AS at
  FROM events
  WHERE ${within(project, { from: 0, to: before })}
  ORDER BY at`;

/** Rows of each project, duplicates included: rows { project, events }. */
export const projectVolumes: Sql = sql`SELECT project_id AS project, count() AS events FROM events GROUP BY project_id`;

/** Partitions, as numbers, that hold rows of a project: rows { partition }. */
export const partitionsWith = (table: DerivedTable, project: number): Sql => sql`
  SELECT DISTINCT ${partitionOf(table)} AS partition FROM ${ident(table)} WHERE project_id = ${uint32(project)}`;

/** Deletes a project's rows of a partition for good. Its name takes no bound value: it is the engine's own answer. */
export const eraseDerived = (table: DerivedTable, project: number, partition: number): Sql => sql`
  ALTER TABLE ${ident(table)} DELETE IN PARTITION ${digits(partition)} WHERE project_id = ${uint32(project)}
  SETTINGS mutations_sync = 2`;

/** What was derived of a project in some stretches up to a version, but for the versions that are pointed at. */
export interface DoomedVersions {
  readonly project: number;
  readonly ranges: readonly TimeRange[];
  readonly last: number;
  readonly kept: readonly number[];
}

/** Deletes for good what was derived of some projects, of a partition. In one go: it writes its parts anew. */
export const eraseVersions = (table: DerivedTable, partition: number, doomed: readonly DoomedVersions[]): Sql => sql`
  ALTER TABLE ${ident(table)} DELETE IN PARTITION ${digits(partition)}
  WHERE ${join(
    doomed.map(
      ({ project, ranges, last, kept }) => sql`(project_id = ${uint32(project)} AND version <= ${version(last)}
    AND version NOT IN ${new Bound('Array(UInt64)', kept)}
    AND (${join(
      ranges.map(
        ({ from, to }) =>
          sql`(${AT[table]} >= toDateTime(${instant(from)}) AND ${AT[table]} < toDateTime(${instant(to)}))`,
      ),
      ' OR ',
    )}))`,
    ),
    ' OR ',
  )}
  SETTINGS mutations_sync = 2`;
