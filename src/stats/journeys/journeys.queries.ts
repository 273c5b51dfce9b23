// How do journeys come out of raw events? Events become the steps of a unit, and steps its path. One statement counts paths and the values
// of their steps, another the ways between those values that are shown. Pure.
import { globPattern } from '../../common/glob';
import {
  bothNeed,
  during,
  type EventScope,
  eventSource,
  filterSql,
  NAMED_GAP_MS,
  needsOfFilter,
  type Needs,
  SESSION_GAP_MS,
  sessionEvents,
  type Sample,
  type SessionScan,
} from '../../events/query';
import { Bound, int64, join, nothing, sql, text, texts, uint32, uint8, type Sql } from '../../platform/clickhouse/sql';
import { SPREAD } from '../spread';
import { type JourneyQuestion, type StepValue, MAX_VALUES, MAX_WALK } from './journeys.types';

/** What a row of a tally is about: everything, a value of a step, or a path. */
export const ROW = { total: 0, value: 1, path: 2 } as const;

/** A row of `tallySql`. */
export interface TallyRow {
  kind: number;
  /** Of values. */
  step: number;
  value: string;
  path: string[];
  name: string;
  hash: string;
  units: number;
  /** Of samples: units in each part of the visitors, and units of users who have several visitors. */
  parts: number[];
  doubled: number;
}

/** What is before the first step of a path, and after its last one. */
export const EDGE = 65_535;

/** A row of `waySql`: from a value of a step to one of the next. */
export interface WayRow {
  /** The step of the source. */
  step: number;
  /** Places in the list of values, from 1 on; 0: another value; or EDGE. */
  source: number;
  target: number;
  units: number;
}

/** What of a question is read. */
export interface JourneyReading {
  /** How far its sessions reach; needed where `readsSessions`. */
  readonly scan?: SessionScan | undefined;
  /** Only some visitors. */
  readonly sample?: Sample | undefined;
}

/** Whether it must be known how far sessions reach. */
export const readsSessions = ({ unit, filter }: JourneyQuestion): boolean =>
  unit === 'session' || needsOfFilter(filter).sessions;

/** Counts of everything, of the most frequent values of each step, and of the first paths of the list, in their order. */
export const tallySql = (question: JourneyQuestion, reading: JourneyReading): Sql => {
  const paths = sql`
    SELECT taken, offset, part, count() AS took, sum(twice) AS took_twice
    FROM (${pathsOf(question, reading)})
    GROUP BY taken, offset, part`;
  return firstOfEach(question, counted(paths, reading.sample !== undefined));
};

/** How many units went from one value to the next, into a path and out of it: the whole picture, from one look, so that it adds up whatever
 *  has come in since values were counted. There are many more ways than values: to count them all and to put the rare ones together then
 *  would cost more than reading the events once more does.
 *  @param values those that stand for themselves */
export const waySql = (question: JourneyQuestion, reading: JourneyReading, values: readonly StepValue[]): Sql => {
  const keys = texts(values.map(({ step, value }) => `${step} ${value}`));
  const places = new Bound(
    'Array(UInt16)',
    values.map((_, at) => at + 1),
  );
  const edge = sql`toUInt16(${uint32(EDGE)})`;
  return sql`
    SELECT way.1 AS step, way.2 AS source, way.3 AS target, count() AS units
    FROM (
      SELECT offset, arrayMap((value, at) -> transform(concat(toString(offset + at - 1), ' ', value), ${keys}, ${places}, toUInt16(0)),
        taken, arrayEnumerate(taken)) AS places
      FROM (${pathsOf(question, reading)}))
    ARRAY JOIN arrayMap((source, target, at) -> (toInt32(offset + at - 2), source, target),
      arrayPushFront(places, ${edge}), arrayPushBack(places, ${edge}), arrayEnumerate(arrayPushBack(places, ${edge}))) AS way
    GROUP BY step, source, target`;
};

// --- From events to the steps of a unit

/** The units of a question: rows (identity, walked), `walked` their steps in order. */
const unitsOf = (question: JourneyQuestion, { scan, sample }: JourneyReading): Sql => {
  const { project, range, since, unit, filter } = question;
  const scope: EventScope = {
    project,
    range,
    ...(since === undefined ? {} : { since }),
    ...(scan === undefined ? {} : { sessions: scan }),
    ...(sample === undefined ? {} : { sample }),
  };
  const needs = bothNeed({ identity: true, sessions: false }, needsOfFilter(filter));
  const isStep = sql`${question.by === 'page' ? sql`name = 'pageview'` : sql`1`} AND ${filterSql(filter, scope)}`;
  if (unit === 'visitor')
    return sql`
      SELECT identity, arraySort(groupArray((${PLACE}, ${valueOf(question)}))).5 AS walked
      FROM ${eventSource(scope, needs)}
      WHERE ${during(range)} AND ${isStep}
      GROUP BY identity`;
  return needs.sessions ? ofDescribedSessions(question, scope, needs, isStep) : ofCutSessions(question, scope, isStep);
};

/** What orders a unit's events. The number of an id sorts as its text does, in less than half of the room. */
const PLACE = sql`ts, received_at, seq, UUIDToNum(event_id)`;

/** The value of an event: the name of the first group that its page is of, else the page or the name itself. */
const valueOf = ({ by, groups }: JourneyQuestion): Sql => {
  if (by === 'event') return sql`toString(name)`;
  if (groups.length === 0) return sql`path`;
  const cases = groups.map(({ glob, name }) => sql`match(path, ${text(globPattern(glob))}), ${text(name)}`);
  return sql`multiIf(${join(cases, ', ')}, path)`;
};

/** Sessions where the filter asks for their ends: the source describes them. */
const ofDescribedSessions = (question: JourneyQuestion, scope: EventScope, needs: Needs, isStep: Sql): Sql => sql`
      SELECT identity, arraySort(groupArray((${PLACE}, ${valueOf(question)}))).5 AS walked
      FROM ${eventSource(scope, { ...needs, sessions: true })}
      WHERE ${during(question.range, sql`session_began`)} AND ${isStep}
      GROUP BY identity, session_id, session_began`;

/** Sessions cut here, out of the very array that the steps are taken from: a third of the cost of describing each event's session. */
const ofCutSessions = (question: JourneyQuestion, scope: EventScope, isStep: Sql): Sql => sql`
      SELECT identity, arrayMap(event -> event.5, arrayFilter(event -> event.6 = 1, part)) AS walked
      FROM (
        SELECT identity, session_id,
          arraySort(groupArray((${PLACE}, if(is_step, ${valueOf(question)}, ''), is_step))) AS events,
          arraySplit((event, silence) -> silence > if(session_id = 0, ${int64(SESSION_GAP_MS)}, ${int64(NAMED_GAP_MS)}), events,
            arrayDifference(arrayMap(event -> toUnixTimestamp64Milli(event.1), events))) AS parts
        FROM (SELECT *, toUInt8(${isStep}) AS is_step FROM ${sessionEvents(scope)})
        GROUP BY identity, session_id)
      ARRAY JOIN parts AS part
      WHERE ${during(question.range, sql`part[1].1`)}`;

// --- From the steps of a unit to its path

/** Units with their steps as they count: rows (identity, walk). */
const walksOf = ({ repeats }: JourneyQuestion, units: Sql): Sql => sql`
    SELECT identity, arraySlice(${repeats === 'fold' ? sql`arrayCompact(walked)` : sql`walked`}, 1, ${uint32(MAX_WALK)}) AS walk
    FROM (${units})`;

/** The place of the first step that an anchor means; 0 where there is none.
 *  @param walk an array of values */
const firstOf = (anchor: string, walk: Sql): Sql =>
  /[*?{]/.test(anchor)
    ? sql`arrayFirstIndex(value -> value = ${text(anchor)} OR match(value, ${text(globPattern(anchor))}), ${walk})`
    : sql`indexOf(${walk}, ${text(anchor)})`;

/** The path of each unit that has one: rows (taken, offset, part, twice). `offset` is the step of its first value; of a sample, `part` is
 *  the part of the visitors that the unit is of, and `twice` whether it is a user's who may have been drawn twice. */
const pathsOf = (question: JourneyQuestion, reading: JourneyReading): Sql => {
  const walks = walksOf(question, unitsOf(question, reading));
  const { project, start, end, around } = question;
  const steps = uint32(question.steps);
  const before = uint32(Math.floor((question.steps - 1) / 2));
  const anchored = (columns: Sql): Sql => sql`(SELECT identity, walk, ${columns} FROM (${walks}))`;
  const cut = ((): { path: Sql; offset: Sql; of: Sql; where: Sql } => {
    if (around !== undefined)
      return {
        path: sql`arraySlice(walk, greatest(place - ${before}, 1), least(place - 1, ${before}) + ${steps} - ${before})`,
        offset: sql`-least(place - 1, ${before})`,
        of: anchored(sql`toInt32(${firstOf(around, sql`walk`)}) AS place`),
        where: sql`place > 0`,
      };
    if (start !== undefined && end !== undefined)
      return {
        path: sql`arraySlice(rest, 1, length)`,
        offset: sql`0`,
        of: sql`(
          SELECT identity, rest, 1 + toInt32(${firstOf(end, sql`arraySlice(rest, 2)`)}) AS length
          FROM ${anchored(sql`toInt32(${firstOf(start, sql`walk`)}) AS place, arraySlice(walk, greatest(place, 1)) AS rest`)}
          WHERE place > 0)`,
        where: sql`length BETWEEN 2 AND ${steps}`,
      };
    if (end !== undefined)
      return {
        path: sql`arraySlice(walk, greatest(place - ${steps} + 1, 1), least(place, ${steps}))`,
        offset: sql`1 - least(place, ${steps})`,
        of: anchored(sql`toInt32(${firstOf(end, sql`walk`)}) AS place`),
        where: sql`place > 0`,
      };
    return {
      path: sql`arraySlice(walk, place, ${steps})`,
      offset: sql`0`,
      of: anchored(sql`${start === undefined ? sql`1` : sql`toInt32(${firstOf(start, sql`walk`)})`} AS place`),
      where: sql`place > 0 AND notEmpty(walk)`,
    };
  })();
  const ofSample =
    reading.sample !== undefined
      ? sql`cityHash64(identity) % ${uint32(SPREAD)} AS part, identity IN (
      SELECT user_id FROM visitor_links WHERE project_id = ${uint32(project)} GROUP BY user_id HAVING uniqExact(visitor_id) > 1) AS twice`
      : sql`0 AS part, 0 AS twice`;
  return sql`SELECT ${cut.path} AS taken, toInt32(${cut.offset}) AS offset, ${ofSample} FROM ${cut.of} WHERE ${cut.where}`;
};

// --- From paths to what they are made of

/** Counts of everything, of each value of a step, and of each path, over all paths. */
const counted = (paths: Sql, sampled: boolean): Sql => {
  const whole = (kind: number, hash: Sql): Sql => sql`(${uint8(kind)}, toInt32(0), '', ${hash})`;
  const values = sql`arrayMap((value, at) -> (${uint8(ROW.value)}, toInt32(offset + at - 1), value, toUInt64(0)), taken, arrayEnumerate(taken))`;
  const parts = sql`sumForEach(if(facet.1 = ${uint8(ROW.value)}, [], arrayMap(at -> if(at = part, took, 0), range(${uint32(SPREAD)}))))`;
  return sql`
    SELECT facet.1 AS kind, facet.2 AS step, facet.3 AS value, facet.4 AS path_hash,
      if(kind = ${uint8(ROW.path)}, any(taken), []) AS path, substringUTF8(arrayStringConcat(path, '\\n'), 1, 100) AS name,
      sum(took) AS units, ${sampled ? parts : sql`emptyArrayUInt64()`} AS parts, sum(took_twice) AS doubled
    FROM (${paths})
    ARRAY JOIN arrayConcat([${whole(ROW.total, sql`toUInt64(0)`)}, ${whole(ROW.path, sql`cityHash64(taken)`)}], ${values}) AS facet
    GROUP BY kind, step, value, path_hash`;
};

/** The first paths of the list, and the most frequent values of each step. */
const firstOfEach = ({ after, limit }: JourneyQuestion, rows: Sql): Sql => {
  const later =
    after === undefined
      ? nothing
      : sql`WHERE kind != ${uint8(ROW.path)} OR units < ${int64(after.units)} OR (units = ${int64(after.units)} AND
        (name, path_hash) > (${text(after.name)}, ${new Bound('UInt64', after.hash)}))`;
  return sql`
    SELECT kind, step, value, path, name, toString(path_hash) AS hash, units, parts, doubled
    FROM (${rows})
    ${later}
    ORDER BY kind, step, units DESC, value, name, path_hash
    LIMIT ${uint32(Math.max(limit + 1, MAX_VALUES))} BY kind, step`;
};
