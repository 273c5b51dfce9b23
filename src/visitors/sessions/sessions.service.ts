// What does a question about sessions mean? From parameters to pages of sessions, and to one with its events.
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { type Page, toPage } from '../../common/cursor';
import { notFound } from '../../common/problem';
import { EventsReadRepository, toEventDto, toEventPlace } from '../../events';
import { type EventScope, STORABLE } from '../../events/query';
import type { Caller } from '../../platform/http/caller';
import { type Project, shownFrom } from '../../projects';
import { Spans } from '../../stats';
import { iso, toMoney, toSurroundings, toTouch } from '../columns';
import { badCursor, type Looked, readWalk, walkValues } from '../cursors';
import type { Person } from '../people.queries';
import { ProfileRepository } from '../profile/profile.repository';
import { orAllTime, Selections } from '../selection';
import { decodeSessionId, encodeSessionId, NO_SESSION, SESSION_ID, type SessionName } from '../session-id';
import type { VisitorSessionsQuery } from '../visitors.dto';
import type { ListSessionsQuery, SessionDto, SessionEventsDto, SessionEventsQuery } from './sessions.dto';
import type { SessionRow } from './sessions.queries';
import { SessionsRepository } from './sessions.repository';

@Injectable()
export class SessionsService {
  constructor(
    private readonly repository: SessionsRepository,
    private readonly people: ProfileRepository,
    private readonly events: EventsReadRepository,
    private readonly spans: Spans,
    private readonly selections: Selections,
    private readonly clock: Clock,
  ) {}

  /** A page of sessions, newest first. @throws invalidInput, storeUnavailable, queryTooLarge */
  async list(project: Project, query: ListSessionsQuery, caller: Caller): Promise<Page<SessionDto>> {
    const filter = await this.selections.of(project, query.filters);
    const span = await this.spans.of(project, orAllTime(query));
    const walk = this.#walk(query.cursor, span.range);
    const asked = { ...walk.asked, limit: query.limit + 1, ...(filter === undefined ? {} : { filter }) };
    const rows = await this.repository.page({ ...asked, scope: this.#scope(project, walk.looked) }, caller);
    return this.#page(rows, query.limit, walk.looked);
  }

  /** A page of the sessions of a person, newest first. */
  async ofPerson(
    project: Project,
    person: Person,
    { limit, cursor }: VisitorSessionsQuery,
    caller: Caller,
  ): Promise<Page<SessionDto>> {
    const walk = this.#walk(cursor, STORABLE);
    const asked = { ...walk.asked, limit: limit + 1, scope: this.#scope(project, walk.looked) };
    return this.#page(await this.repository.ofPerson(person, asked, caller), limit, walk.looked);
  }

  /** One session with a page of its events. @throws notFound, invalidInput, storeUnavailable, queryTooLarge */
  async get(
    project: Project,
    id: string,
    { order, limit, cursor }: SessionEventsQuery,
    caller: Caller,
  ): Promise<SessionEventsDto> {
    const name = decodeSessionId(id);
    if (name === undefined) throw unknownSession();
    const now = this.clock.now();
    const person = await this.people.person(project.number, name.visitor, caller);
    const { range: _all, ...scope } = this.#scope(project, { range: STORABLE, arrived: now });
    const row = await this.repository.find(scope, person, name, caller);
    if (row === undefined) throw unknownSession();
    const read = {
      project: project.number,
      range: { from: row.beganMs, to: row.endedMs + 1 },
      visitorIds: [person.id, ...person.visitors],
      person: { user: person.id, visitors: person.own },
      sessionIds: [row.session],
    };
    const after = cursor === undefined ? {} : { after: toEventPlace(cursor) };
    const rows = await this.events.page(read, { order, limit: limit + 1, now, ...after }, caller);
    return {
      session: toSessionDto(row),
      ...toPage(rows, limit, ({ tsMs, eventId }) => [tsMs, eventId], toEventDto),
    };
  }

  #scope(project: Project, { range, arrived }: Looked): EventScope {
    const since = shownFrom(project, this.clock.now());
    return { project: project.number, range, arrived, ...(since === undefined ? {} : { since }) };
  }

  #walk(cursor: string | undefined, range: Looked['range']) {
    const now = this.clock.now();
    if (cursor === undefined) return { looked: { range, arrived: now }, asked: { now } };
    const { place, ...looked } = readWalk(cursor, 1);
    const after = SESSION_ID.test(place[0] ?? '') ? decodeSessionId(place[0] ?? '') : undefined;
    if (after === undefined) throw badCursor();
    return { looked, asked: { now, after } };
  }

  #page(rows: readonly SessionRow[], limit: number, looked: Looked): Page<SessionDto> {
    return toPage(rows, limit, (row) => walkValues(looked, [encodeSessionId(row)]), toSessionDto);
  }
}

const unknownSession = () => notFound({ detail: 'The project keeps no session of this id.' });

const orNull = (text: string): string | null => (text === '' ? null : text);

/** A row as the session that readers get. */
export const toSessionDto = (row: SessionRow): SessionDto => {
  const { referrer, referrerHost, source, channel, utm } = toTouch(row.first);
  const name: SessionName = row;
  return {
    id: encodeSessionId(name),
    visitorId: row.visitor,
    sessionId: row.session === NO_SESSION ? null : row.session,
    isUser: row.isUser === 1,
    startedAt: iso(row.beganMs),
    endedAt: iso(row.endedMs),
    duration: (row.endedMs - row.beganMs) / 1_000,
    bounce: row.total === 1 && row.views === 1,
    events: row.total,
    pageviews: row.views,
    entryPage: orNull(row.entry),
    exitPage: orNull(row.exit),
    referrer,
    referrerHost,
    source,
    channel,
    utm,
    ...toSurroundings(row.around),
    revenue: toMoney(row.money),
  };
};
