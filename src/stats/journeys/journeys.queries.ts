// How do journeys come out of raw events? One statement: events become the steps of a unit, steps its path, and paths are counted together
// with the nodes and links that they are made of. Pure.
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
  type SessionScan,
} from '../../events/query';
import { Bound, int64, join, nothing, sql, text, uint32, uint8, type Sql } from '../../platform/clickhouse/sql';
import { SPREAD } from '../spread';
import { type JourneyQuestion, MAX_VALUES, MAX_WALK } from './journeys.types';

/** What a row of the answer is about: everything, a path, a value of a step, or a way from one value to the next. */
export const ROW = { total: 0, path: 1, node: 2, link: 3 } as const;

/** A row of `journeySql`. */
export interface JourneyRow {
  kind: number;
  step: number;
  /** Of nodes and links; '' where `other` says that it is one of many. */
  value: string;
  other: number;
  /** Of links. */
  next: string;
  nextOther: number;
  path: string[];
  name: string;
  hash: string;
  units: number;
  entries: number;
  exits: number;
  /** Of samples: units in each part of the visitors, and units of users who have several visitors. */
  parts: number[];
  doubled: number;
}

/** What of a question is read. */
export interface JourneyReading {
  /** How far its sessions reach; needed where `readsSessions`. */
  readonly scan?: SessionScan | undefined;
  /** One of so many visitors. */
  readonly sample?: number | undefined;
}

/** Whether it must be known how far sessions reach. */
export const readsSessions = ({ unit, filter }: JourneyQuestion): boolean =>
  unit === 'session' || needsOfFilter(filter).sessions;

/** The journeys of a question: rows of total, paths, nodes and links. */
export const journeySql = (question: JourneyQuestion, reading: JourneyReading): Sql => {
  const sampled = reading.sample !== undefined;
  const paths = sql`
    SELECT taken, offset, part, count() AS took, sum(twice) AS took_twice
    FROM (${pathsOf(question, walksOf(question, unitsOf(question, reading)), sampled)})
    GROUP BY taken, offset, part`;
  return ranked(question, counted(paths, sampled));
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
const PLACE = sql`ts, received_at, seq, UUIDStringToNum(toString(event_id))`;

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
        FROM (SELECT *, toUInt8(${isStep}) AS is_step FROM ${wholeSessions(scope)})
        GROUP BY identity, session_id)
      ARRAY JOIN parts AS part
      WHERE ${during(question.range, sql`part[1].1`)}`;

/** Each event once of the sessions that touch the range, and some more, with its visitor. */
const wholeSessions = ({ sessions: scan, ...scope }: EventScope): Sql => {
  if (scan === undefined) throw new Error('Sessions are asked for, but how far they reach was not looked up');
  const { near, far, related } = scan;
  const list = (visitors: readonly string[]): Bound => new Bound('Array(UInt64)', `[${visitors.join(',')}]`);
  const reach =
    far === undefined ? near : { from: Math.min(near.from, far.range.from), to: Math.max(near.to, far.range.to) };
  const close = sql`(${during(near)}${related === undefined ? nothing : sql` AND visitor_id IN ${list(related)}`})`;
  const chosen =
    far === undefined ? close : sql`(${close} OR (${during(far.range)} AND visitor_id IN ${list(far.visitors)}))`;
  const rows = eventSource({ ...scope, range: reach }, { identity: true, sessions: false });
  return far === undefined && related === undefined ? rows : sql`(SELECT * FROM ${rows} WHERE ${chosen})`;
};

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
const pathsOf = (question: JourneyQuestion, walks: Sql, sampled: boolean): Sql => {
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
  const ofSample = sampled
    ? sql`cityHash64(identity) % ${uint32(SPREAD)} AS part, identity IN (
      SELECT user_id FROM visitor_links WHERE project_id = ${uint32(project)} GROUP BY user_id HAVING uniqExact(visitor_id) > 1) AS twice`
    : sql`0 AS part, 0 AS twice`;
  return sql`SELECT ${cut.path} AS taken, toInt32(${cut.offset}) AS offset, ${ofSample} FROM ${cut.of} WHERE ${cut.where}`;
};

// --- From paths to what they are made of

/** Counts of everything, of each path, of each value of a step, and of each way from one to the next, over all paths. */
const counted = (paths: Sql, sampled: boolean): Sql => {
  const facet = (kind: number, rest: Sql): Sql => sql`(${uint8(kind)}, ${rest})`;
  // (kind, step, value, step of next, next, path, whether it begins here, whether it ends here)
  const whole = (kind: number, path: Sql): Sql => facet(kind, sql`toInt32(0), '', toInt32(0), '', ${path}, 0, 0`);
  const nodes = sql`arrayMap((value, at) -> ${facet(
    ROW.node,
    sql`toInt32(offset + at - 1), value, toInt32(offset + at - 1), value, emptyArrayString(), at = 1, at = length(taken)`,
  )}, taken, arrayEnumerate(taken))`;
  const links = sql`arrayMap((value, next, at) -> ${facet(
    ROW.link,
    sql`toInt32(offset + at - 1), value, toInt32(offset + at), next, emptyArrayString(), 0, 0`,
  )}, arrayPopBack(taken), arrayPopFront(taken), arrayEnumerate(arrayPopBack(taken)))`;
  return sql`
    SELECT facet.1 AS kind, facet.2 AS step, facet.3 AS source, facet.4 AS next_step, facet.5 AS target, facet.6 AS path,
      substringUTF8(arrayStringConcat(path, '\\n'), 1, 100) AS name, cityHash64(path) AS hash,
      sum(took) AS units, sumIf(took, facet.7 = 1) AS entries, sumIf(took, facet.8 = 1) AS exits, sum(took_twice) AS doubled,
      ${
        sampled
          ? sql`sumForEach(if(facet.1 < ${uint8(ROW.node)}, arrayMap(at -> if(at = part, took, 0), range(${uint32(SPREAD)})), []))`
          : sql`emptyArrayUInt64()`
      } AS parts
    FROM (${paths})
    ARRAY JOIN arrayConcat([${whole(ROW.total, sql`emptyArrayString()`)}, ${whole(ROW.path, sql`taken`)}], ${nodes}, ${links}) AS facet
    GROUP BY kind, step, source, next_step, target, path`;
};

/** The first paths of the list, and the picture with its rarer values put together. */
const ranked = ({ after, limit }: JourneyQuestion, rows: Sql): Sql => {
  const isNode = sql`kind = ${uint8(ROW.node)}`;
  const isPath = sql`kind = ${uint8(ROW.path)}`;
  const most = uint32(MAX_VALUES);
  const later =
    after === undefined
      ? nothing
      : sql`WHERE kind != ${uint8(ROW.path)} OR units < ${int64(after.units)} OR (units = ${int64(after.units)} AND
        (name, hash) > (${text(after.name)}, ${new Bound('UInt64', after.hash)}))`;
  // A link is between two values: the places of both are those of their nodes, which stand at the same step.
  const placed = sql`
    SELECT *,
      max(if(${isNode}, place, 0)) OVER (PARTITION BY step, source) AS source_place,
      max(if(${isNode}, place, 0)) OVER (PARTITION BY next_step, target) AS target_place
    FROM (
      SELECT *, row_number() OVER (PARTITION BY kind, step ORDER BY units DESC, source, name, hash) AS place
      FROM (SELECT * FROM (${rows}) ${later}))`;
  return sql`
    SELECT kind, step, value, other, next, next_other AS nextOther, shown_path AS path, name, toString(path_hash) AS hash, sum(one_units) AS units,
      sum(one_entries) AS entries, sum(one_exits) AS exits, any(one_parts) AS parts, sum(one_doubled) AS doubled
    FROM (
      SELECT kind, step, path AS shown_path, name, hash AS path_hash, units AS one_units, entries AS one_entries, exits AS one_exits,
        parts AS one_parts, doubled AS one_doubled,
        kind >= ${uint8(ROW.node)} AND source_place > ${most} AS other, if(other, '', source) AS value,
        kind >= ${uint8(ROW.node)} AND target_place > ${most} AS next_other, if(next_other, '', target) AS next
      FROM (${placed})
      WHERE NOT ${isPath} OR place <= ${uint32(limit + 1)})
    GROUP BY kind, step, value, other, next, next_other, shown_path, name, path_hash
    ORDER BY kind, step, other, units DESC, name, path_hash, value, next_other, next`;
};
