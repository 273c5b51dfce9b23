// Who is this, and what did they do? A profile, its timeline and its sessions.
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { type Page, toPage } from '../../common/cursor';
import { notFound } from '../../common/problem';
import { type EventDto, type EventRead, EventsReadRepository, toEventDto, toEventPlace } from '../../events';
import { STORABLE } from '../../events/query';
import type { Caller } from '../../platform/http/caller';
import { type Project, shownFrom } from '../../projects';
import { iso, toMoney, toSurroundings, toTouch } from '../columns';
import type { Person } from '../people.queries';
import type { SessionDto } from '../sessions/sessions.dto';
import { SessionsService } from '../sessions/sessions.service';
import { TraitsRepository } from '../traits/traits.repository';
import type { Traits, VisitorEventsQuery, VisitorProfileDto, VisitorSessionsQuery } from '../visitors.dto';
import { type Profile, ProfileRepository } from './profile.repository';

@Injectable()
export class ProfileService {
  constructor(
    private readonly profiles: ProfileRepository,
    private readonly sessionsOf: SessionsService,
    private readonly events: EventsReadRepository,
    private readonly traits: TraitsRepository,
    private readonly clock: Clock,
  ) {}

  /** The profile that a hash stands for. @throws notFound where no event is kept, storeUnavailable, queryTooLarge */
  async get(project: Project, hash: string, caller: Caller): Promise<VisitorProfileDto> {
    const person = await this.profiles.person(project.number, hash, caller);
    const profile = await this.profiles.find(project.number, person, this.#since(project), caller);
    if (profile === undefined) throw unknownVisitor();
    return toProfileDto(profile, (await this.traits.of(project.id, [person.id])).get(person.id) ?? null);
  }

  /** A page of the events of a person. @throws notFound, invalidInput, storeUnavailable, queryTooLarge */
  async timeline(
    project: Project,
    hash: string,
    { names, order, limit, cursor }: VisitorEventsQuery,
    caller: Caller,
  ): Promise<Page<EventDto>> {
    const person = await this.profiles.person(project.number, hash, caller);
    const after = cursor === undefined ? undefined : toEventPlace(cursor);
    const since = this.#since(project);
    const read: EventRead = {
      project: project.number,
      range: STORABLE,
      ...(since === undefined ? {} : { since }),
      visitorIds: [person.id, ...person.visitors],
      person: { user: person.id, visitors: person.own },
      ...(names === undefined ? {} : { names }),
    };
    const asked = { order, limit: limit + 1, now: this.clock.now(), ...(after === undefined ? {} : { after }) };
    const rows = await this.events.page(read, asked, caller);
    if (rows.length === 0 && after === undefined) await this.#known(project, person, caller);
    return toPage(rows, limit, ({ tsMs, eventId }) => [tsMs, eventId], toEventDto);
  }

  /** A page of the sessions of a person, newest first. @throws notFound, invalidInput, storeUnavailable, queryTooLarge */
  async sessions(
    project: Project,
    hash: string,
    query: VisitorSessionsQuery,
    caller: Caller,
  ): Promise<Page<SessionDto>> {
    const person = await this.profiles.person(project.number, hash, caller);
    const page = await this.sessionsOf.ofPerson(project, person, query, caller);
    if (page.data.length === 0 && query.cursor === undefined) await this.#known(project, person, caller);
    return page;
  }

  async #known(project: Project, person: Person, caller: Caller): Promise<void> {
    if (!(await this.profiles.exists(project.number, person, this.#since(project), caller))) throw unknownVisitor();
  }

  #since(project: Project): number | undefined {
    return shownFrom(project, this.clock.now());
  }
}

const unknownVisitor = () => notFound({ detail: 'The project keeps no event of this visitor.' });

const toProfileDto = (
  { person, figures, touches, devices, places }: Profile,
  traits: Traits | null,
): VisitorProfileDto => ({
  id: person.id,
  isUser: figures.isUser === 1,
  visitorIds: [...person.own],
  firstSeen: iso(figures.firstMs),
  lastSeen: iso(figures.lastMs),
  events: figures.total,
  pageviews: figures.views,
  sessions: figures.visits,
  revenue: toMoney(figures.money),
  firstTouch: toTouch(touches[0]),
  lastTouch: toTouch(touches[1]),
  devices: devices.map(({ visitor, around, total, firstMs, lastMs }) => {
    const { device, browser, os } = toSurroundings(around);
    return { visitorId: visitor, device, browser, os, firstSeen: iso(firstMs), lastSeen: iso(lastMs), events: total };
  }),
  places: places.map(({ around, total, firstMs, lastMs }) => {
    const { country, region, city } = toSurroundings(around);
    return { country, region, city, firstSeen: iso(firstMs), lastSeen: iso(lastMs), events: total };
  }),
  traits,
});
