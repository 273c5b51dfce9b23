// How are sessions read? Backwards through the range until a page is full; then what is shown of those on it.
import { Injectable } from '@nestjs/common';
import { HOUR_MS, type TimeRange } from '../../common/time-range';
import { hexToUInt64 } from '../../events/pipeline';
import { type EventScope, type Filter, findSessionScan, type RunQuery } from '../../events/query';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { Reads } from '../../platform/clickhouse/reads';
import type { Caller } from '../../platform/http/caller';
import { looksAround } from '../directory/directory.queries';
import type { Person } from '../people.queries';
import { PeopleRepository } from '../people.repository';
import { lifeOf } from '../profile/profile.queries';
import { findReach } from '../reach';
import type { SessionName } from '../session-id';
import { sessionAt, type SessionKey, type SessionRow, sessionRows, sessionsPage } from './sessions.queries';

/** Which sessions, and where the list goes on. */
export interface SessionsAsked {
  readonly scope: EventScope;
  readonly filter?: Filter;
  readonly limit: number;
  readonly after?: SessionName;
  /** The moment of asking. */
  readonly now: number;
}

const FIRST_MS = 6 * HOUR_MS;
const WIDEN = 16;

@Injectable()
export class SessionsRepository {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly people: PeopleRepository,
  ) {}

  /** Sessions that began in the range and hold a selected event, newest first. @throws storeUnavailable, queryTooLarge, invalidInput */
  async page(asked: SessionsAsked, caller?: Caller): Promise<SessionRow[]> {
    const { scope, filter, limit, after } = asked;
    const reads = new Reads(this.clickhouse, scope.project, caller);
    const keys: SessionKey[] = [];
    for (const began of windowsOf(asked)) {
      // What somebody did elsewhere is looked for in the whole range.
      const range = looksAround(filter) ? scope.range : began;
      const sessions = await findSessionScan(reads.of('sessions_scan', 'events'), scope.project, range);
      const question = { scope: { ...scope, range, sessions }, began, ...(filter === undefined ? {} : { filter }) };
      const run = reads.of('sessions_page', 'events');
      keys.push(...(await run<SessionKey>(sessionsPage(question, limit - keys.length, after))));
      if (keys.length >= limit) break;
    }
    return this.#rows(reads, scope, keys);
  }

  /** The sessions of a person, newest first. */
  async ofPerson(person: Person, asked: Omit<SessionsAsked, 'filter'>, caller?: Caller): Promise<SessionRow[]> {
    const { scope, limit, after } = asked;
    const reads = new Reads(this.clickhouse, scope.project, caller);
    const life = { ...scope, ...lifeOf(scope.project, scope.since, person) };
    const began = after === undefined ? life.range : { from: life.range.from, to: after.beganMs + 1 };
    const run = reads.of('sessions_page', 'events');
    const keys = await run<SessionKey>(sessionsPage({ scope: life, began, of: person.id }, limit, after));
    return this.#rows(reads, scope, keys, person);
  }

  /** The session that holds an event of this moment, of whoever the visitor belongs to now; undefined where there is none. */
  async find(
    scope: Omit<EventScope, 'range'>,
    person: Person,
    name: SessionName,
    caller?: Caller,
  ): Promise<SessionRow | undefined> {
    const reads = new Reads(this.clickhouse, scope.project, caller);
    const at = { ...scope, range: { from: name.beganMs, to: name.beganMs + 1 } };
    const run: RunQuery = reads.of('session', 'events');
    const sessions = await findReach(run, at, { ids: [person.id], visitors: [person.id, ...person.visitors] });
    const keys = await run<SessionKey>(sessionAt({ ...at, sessions }, { ...name, visitor: person.id }));
    const [row] = await this.#rows(reads, at, keys, person);
    return row;
  }

  /** What is shown of these sessions, in their order. */
  async #rows(reads: Reads, scope: EventScope, keys: readonly SessionKey[], person?: Person): Promise<SessionRow[]> {
    if (keys.length === 0) return [];
    const near = {
      from: Math.min(...keys.map(({ beganMs }) => beganMs)),
      to: Math.max(...keys.map(({ endedMs }) => endedMs)) + 1,
    };
    const ids = [...new Set(keys.map(({ visitor }) => visitor))];
    const visitors =
      person === undefined
        ? await this.people.visitorsOf(reads.of('visitors_links', 'visitor_links'), scope.project, ids)
        : [person.id, ...person.visitors];
    const sessions = { near, ...(visitors === undefined ? {} : { related: visitors.map(hexToUInt64) }) };
    const run = reads.of('sessions_rows', 'events');
    const rows = await run<SessionRow>(sessionRows({ ...scope, range: near, sessions }, keys));
    const byName = new Map(rows.map((row) => [nameOf(row), row]));
    return keys.flatMap((key) => byName.get(nameOf(key)) ?? []);
  }
}

const nameOf = ({ visitor, session, beganMs }: SessionName): string => `${visitor} ${session} ${beganMs}`;

/** Windows in which sessions began, from the newest back, each longer than the one before; together the rest of the range. */
function* windowsOf({ scope, filter, after, now }: SessionsAsked): Generator<TimeRange> {
  const from = Math.max(scope.range.from, scope.since ?? scope.range.from);
  let to = after === undefined ? scope.range.to : Math.min(scope.range.to, after.beganMs + 1);
  let length = looksAround(filter) ? Infinity : FIRST_MS;
  while (from < to) {
    const begin = Math.max(from, Math.min(to, Math.max(now, from + 1)) - length);
    yield { from: begin, to };
    to = begin;
    length *= WIDEN;
  }
}
