// How are sessions read? Backwards through the range until a page is full; then what is shown of those on it.
import { Injectable } from '@nestjs/common';
import { HOUR_MS, type TimeRange } from '../../common/time-range';
import { hexToUInt64 } from '../../events/pipeline';
import { type EventScope, type Filter, findSessionScan, isSmall, type RunQuery, STORABLE } from '../../events/query';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { Reads } from '../../platform/clickhouse/reads';
import type { Caller } from '../../platform/http/caller';
import { isOfEvents, looksAround } from '../directory/directory.queries';
import type { Person } from '../people.queries';
import { PeopleRepository } from '../people.repository';
import { lifeOf } from '../profile/profile.queries';
import { findReach } from '../reach';
import type { SessionName } from '../session-id';
import {
  type EventKey,
  type SaidRow,
  saidBy,
  sessionAt,
  sessionFigures,
  type SessionFigures,
  type SessionKey,
  type SessionRow,
  sessionsPage,
  sessionsPageWhole,
} from './sessions.queries';

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
    const scan = reads.of('sessions_scan', 'events');
    const small = await isSmall(scan, scope.project);
    for (const began of windowsOf(asked, small)) {
      // What somebody did elsewhere is looked for in the whole range.
      const range = looksAround(filter) ? scope.range : began;
      const sessions = small ? { near: STORABLE } : await findSessionScan(scan, scope.project, range);
      const question = { scope: { ...scope, range, sessions }, began, ...(filter === undefined ? {} : { filter }) };
      const run = reads.of('sessions_page', 'events');
      if (small && isOfEvents(filter))
        return this.#said(reads, scope, await run<SessionFigures>(sessionsPageWhole(question, limit, after)));
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
    const question = { scope: life, began, of: person.id };
    return this.#said(reads, scope, await run<SessionFigures>(sessionsPageWhole(question, limit, after)));
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
    const figures = await run<SessionFigures>(sessionAt({ ...at, sessions }, { ...name, visitor: person.id }));
    const [row] = await this.#said(reads, at, figures);
    return row;
  }

  /** What is shown of these sessions, in their order. */
  async #rows(reads: Reads, scope: EventScope, keys: readonly SessionKey[]): Promise<SessionRow[]> {
    if (keys.length === 0) return [];
    const near = {
      from: Math.min(...keys.map(({ beganMs }) => beganMs)),
      to: Math.max(...keys.map(({ endedMs }) => endedMs)) + 1,
    };
    const ids = [...new Set(keys.map(({ visitor }) => visitor))];
    const links = reads.of('visitors_links', 'visitor_links');
    const visitors = await this.people.visitorsOf(links, scope.project, ids);
    const sessions = { near, ...(visitors === undefined ? {} : { related: visitors.map(hexToUInt64) }) };
    const run = reads.of('sessions_rows', 'events');
    const figures = await run<SessionFigures>(sessionFigures({ ...scope, range: near, sessions }, keys));
    const rows = await this.#said(reads, scope, figures);
    const byName = new Map(rows.map((row) => [nameOf(row), row]));
    return keys.flatMap((key) => byName.get(nameOf(key)) ?? []);
  }

  /** Figures with what their events say. Whose first event is gone since a moment ago is being erased. */
  async #said(reads: Reads, scope: EventScope, figures: readonly SessionFigures[]): Promise<SessionRow[]> {
    if (figures.length === 0) return [];
    const events = figures.flatMap(({ says: [first, ...pages], views }) => (views === 0 ? [first] : [first, ...pages]));
    const said = await reads.of('sessions_said', 'events')<SaidRow>(saidBy(scope, events));
    const byKey = new Map(said.map((row) => [keyOf([row.visitor, row.at, row.id]), row]));
    return figures.flatMap(({ says, ...row }) => {
      const [first, entry, exit] = says.map((key) => byKey.get(keyOf(key)));
      if (first === undefined) return [];
      return { ...row, first: first.first, around: first.around, entry: entry?.path ?? '', exit: exit?.path ?? '' };
    });
  }
}

const keyOf = ([visitor, at, id]: EventKey): string => `${visitor} ${at} ${id}`;

const nameOf = ({ visitor, session, beganMs }: SessionName): string => `${visitor} ${session} ${beganMs}`;

/** Windows in which sessions began, from the newest back, each longer than the one before; together the rest of the range.
 *  @param atOnce all in one */
function* windowsOf({ scope, filter, after, now }: SessionsAsked, atOnce: boolean): Generator<TimeRange> {
  const from = Math.max(scope.range.from, scope.since ?? scope.range.from);
  let to = after === undefined ? scope.range.to : Math.min(scope.range.to, after.beganMs + 1);
  let length = atOnce || looksAround(filter) ? Infinity : FIRST_MS;
  while (from < to) {
    const begin = Math.max(from, Math.min(to, Math.max(now, from + 1)) - length);
    yield { from: begin, to };
    to = begin;
    length *= WIDEN;
  }
}
