// Which SQL lists sessions? The names of a page of them, then what is shown of each. Pure.
import type { TimeRange } from '../../common/time-range';
import { hexOf } from '../../events';
import {
  bothNeed,
  during,
  eventSource,
  type EventScope,
  type Filter,
  filterSql,
  moment,
  needsOfFilter,
  sessionSource,
} from '../../events/query';
import { hash, instant, nothing, type Sql, sql, texts, uint32 } from '../../platform/clickhouse/sql';
import { eventOrder, revenueOf, surroundings, touch } from '../columns';
import type { SessionName } from '../session-id';

/** A session as it is known by; times in milliseconds. */
export interface SessionKey extends SessionName {
  readonly endedMs: number;
}

const HELD = { identity: true, sessions: true };

/** Which sessions. */
export interface SessionsQuestion {
  /** With the sessions that touch its range. */
  readonly scope: EventScope;
  /** When they began. */
  readonly began: TimeRange;
  readonly filter?: Filter;
  /** Of this person alone, 16 hexadecimal digits. */
  readonly of?: string;
}

/** Sessions that hold a selected event, by when they began, newest first: rows of `SessionKey`.
 *  @param after the last one that was seen */
export const sessionsPage = (
  { scope, began, filter, of }: SessionsQuestion,
  limit: number,
  after?: SessionName,
): Sql => {
  const needs = bothNeed(HELD, needsOfFilter(filter));
  const from = filter === undefined ? sessionSource(scope) : eventSource(scope, needs);
  const beyond = (place: SessionName): Sql => {
    const at = instant(place.beganMs);
    const who = hash(place.visitor);
    return sql` AND (session_began < ${at} OR (session_began = ${at} AND
      (identity < ${who} OR (identity = ${who} AND session_id < ${hash(place.session)}))))`;
  };
  return sql`SELECT ${hexOf(sql`identity`)} AS visitor, ${hexOf(sql`session_id`)} AS session,
  toUnixTimestamp64Milli(session_began) AS beganMs, toUnixTimestamp64Milli(any(session_ended)) AS endedMs
FROM ${from}
WHERE ${during(began, sql`session_began`)}${after === undefined ? nothing : beyond(after)}
  ${of === undefined ? nothing : sql`AND identity = ${hash(of)}`} AND ${filterSql(filter, scope)}
GROUP BY identity, session_id, session_began
ORDER BY session_began DESC, identity DESC, session_id DESC
LIMIT ${uint32(limit)}`;
};

/** The session that holds an event of exactly this moment: one row of `SessionKey`, or none.
 *  @param scope with the sessions that touch the moment */
export const sessionAt = (scope: EventScope, { visitor, session, beganMs }: SessionName): Sql => sql`
SELECT ${hexOf(sql`identity`)} AS visitor, ${hexOf(sql`session_id`)} AS session,
  toUnixTimestamp64Milli(session_began) AS beganMs, toUnixTimestamp64Milli(session_ended) AS endedMs
FROM ${eventSource(scope, HELD)}
WHERE identity = ${hash(visitor)} AND session_id = ${hash(session)} AND ts = ${moment(beganMs)}
LIMIT 1`;

/** What is shown of a session; times in milliseconds, texts as `columns.ts` reads them. */
export interface SessionRow extends SessionKey {
  total: number;
  views: number;
  entry: string;
  exit: string;
  money: Record<string, string>;
  first: string[];
  around: string[];
  isUser: number;
}

const nameOf = sql`concat(${hexOf(sql`identity`)}, '-', ${hexOf(sql`session_id`)}, '-', toString(toUnixTimestamp64Milli(session_began)))`;

/** What is shown of these sessions: rows of `SessionRow`, in no order.
 *  @param scope of a range that holds them whole */
export const sessionRows = (scope: EventScope, keys: readonly SessionKey[]): Sql => sql`
SELECT ${hexOf(sql`identity`)} AS visitor, ${hexOf(sql`session_id`)} AS session,
  toUnixTimestamp64Milli(session_began) AS beganMs, toUnixTimestamp64Milli(any(session_ended)) AS endedMs,
  count() AS total, countIf(name = 'pageview') AS views, any(entry_page) AS entry, any(exit_page) AS exit,
  ${revenueOf(sql`1`)} AS money, argMin(${touch}, ${eventOrder}) AS first, argMin(${surroundings}, ${eventOrder}) AS around,
  max(user_id = identity OR visitor_id != identity) AS isUser
FROM ${eventSource(scope, { ...HELD, ends: true })}
WHERE ${nameOf} IN ${texts(keys.map(({ visitor, session, beganMs }) => `${visitor}-${session}-${beganMs}`))}
GROUP BY identity, session_id, session_began`;
