// Which events does a read mean, and where do they stand? The FROM and WHERE that every query of this folder shares. Pure.
import { DAY_MS, type TimeRange } from '../../common/time-range';
import { hash, join, type Sql, sql, text } from '../../platform/clickhouse/sql';
import { bothNeed, type Needs, PLAIN } from '../query/dimensions';
import { type Filter, filterSql, needsOfFilter } from '../query/filters';
import { eventSource, type SessionScan, within } from '../query/source';

/** The events of a read. Hashes are 16 hexadecimal digits; several mean any of them. */
export interface EventRead {
  /** The project's number in the warehouse. */
  readonly project: number;
  readonly range: TimeRange;
  /** As if nothing had happened before this moment, milliseconds. */
  readonly since?: number;
  readonly name?: string;
  readonly names?: readonly string[];
  readonly visitorIds?: readonly string[];
  readonly userIds?: readonly string[];
  readonly sessionIds?: readonly string[];
  /** Only events of a person: those that brought the user, and those without a user of these visitors. */
  readonly person?: { readonly user: string; readonly visitors: readonly string[] };
  readonly filter?: Filter;
  /** How far sessions reach; needed where the filter looks at sessions. */
  readonly sessions?: SessionScan;
}

/** The part of a read's range whose events are shown; empty where none are: `from` is not before `to`. */
export const shown = ({ range, since = range.from }: EventRead): TimeRange => ({
  from: Math.max(range.from, since),
  to: range.to,
});

/** Whether the read needs plain columns only, so that any part of its range can be read on its own. */
export const isPlain = (read: EventRead): boolean => {
  const { identity, sessions } = needsOfFilter(read.filter);
  return !identity && !sessions;
};

/** A read's `FROM … WHERE …`, to be continued by ` AND …`.
 *  @param also what the query needs beyond what the filter does
 *  @param unfold `ARRAY JOIN …` between the two */
export const eventsOf = (read: EventRead, also: Needs = PLAIN, unfold: Sql = sql``): Sql => {
  const { project, range, since, name, names, visitorIds, userIds, sessionIds, person, filter, sessions } = read;
  const scope = {
    project,
    range,
    ...(since === undefined ? {} : { since }),
    ...(sessions === undefined ? {} : { sessions }),
  };
  const needs = bothNeed(also, needsOfFilter(filter));
  const conditions = [
    within(project, shown(read)),
    ...(visitorIds === undefined ? [] : [sql`visitor_id IN (${anyOf(visitorIds)})`]),
    ...(userIds === undefined ? [] : [sql`user_id IN (${anyOf(userIds)})`]),
    ...(sessionIds === undefined ? [] : [sql`session_id IN (${anyOf(sessionIds)})`]),
    ...(person === undefined
      ? []
      : [
          sql`(user_id = ${hash(person.user)} OR (user_id = 0 AND visitor_id IN (${anyOf([person.user, ...person.visitors])})))`,
        ]),
    ...(name === undefined ? [] : [sql`name = ${text(name)}`]),
    ...(names === undefined
      ? []
      : [
          sql`name IN (${join(
            names.map((one) => sql`${text(one)}`),
            ', ',
          )})`,
        ]),
    ...(filter === undefined ? [] : [filterSql(filter, scope)]),
  ];
  // The table itself where its columns are enough: its key and its skip indexes are then seen for certain.
  const from = needs.identity || needs.sessions ? eventSource(scope, needs) : sql`events FINAL`;
  return sql`FROM ${from}${unfold}
WHERE ${join(conditions, ' AND ')}`;
};

const anyOf = (hex: readonly string[]): Sql =>
  join(
    hex.map((one) => sql`${hash(one)}`),
    ', ',
  );

/** Cuts a range into windows from one of its ends, each eight times as long as the one before: a list that fills up early
 *  has read little, and one that finds nothing takes few reads.
 *  @param firstMs length of the first window */
export function* growingWindows(
  { from, to }: TimeRange,
  order: 'asc' | 'desc',
  firstMs = DAY_MS,
): Generator<TimeRange> {
  let length = firstMs;
  let left = from;
  let right = to;
  while (left < right) {
    if (order === 'desc') {
      const start = Math.max(left, right - length);
      yield { from: start, to: right };
      right = start;
    } else {
      const end = Math.min(right, left + length);
      yield { from: left, to: end };
      left = end;
    }
    length *= 8;
  }
}
