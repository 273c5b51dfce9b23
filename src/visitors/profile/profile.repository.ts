// How is one person read? Who it is first, then all of them at once.
import { Injectable } from '@nestjs/common';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { Reads } from '../../platform/clickhouse/reads';
import type { Caller } from '../../platform/http/caller';
import type { Person } from '../people.queries';
import { PeopleRepository } from '../people.repository';
import {
  anyEvent,
  type EventMark,
  lifeOf,
  profileFigures,
  type ProfileRow,
  surroundingsOf,
  type SurroundingsRow,
  touchOf,
} from './profile.queries';

/** A person with all that is shown. */
export interface Profile {
  readonly person: Person;
  readonly figures: ProfileRow;
  /** What the first event says about where they came from, and the first of the last session; as `toTouch` reads it. */
  readonly touches: readonly [first: readonly string[], last: readonly string[]];
  readonly devices: readonly SurroundingsRow[];
  readonly places: readonly SurroundingsRow[];
}

/** Most devices and places in a profile. */
const MOST_SHOWN = 100;

@Injectable()
export class ProfileRepository {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly people: PeopleRepository,
  ) {}

  /** The person that a hash stands for, who need not have an event. @throws storeUnavailable, queryTooLarge */
  person(project: number, hash: string, caller?: Caller): Promise<Person> {
    const reads = new Reads(this.clickhouse, project, caller);
    return this.people.find(reads.of('visitors_links', 'visitor_links'), project, hash);
  }

  /** Whether a person has an event that is shown. */
  async exists(project: number, person: Person, since?: number, caller?: Caller): Promise<boolean> {
    const reads = new Reads(this.clickhouse, project, caller);
    const rows = await reads.of('visitors_any', 'events')(anyEvent(lifeOf(project, since, person), person));
    return rows.length > 0;
  }

  /** The profile of a person; undefined where there is no event. @throws storeUnavailable, queryTooLarge */
  async find(project: number, person: Person, since?: number, caller?: Caller): Promise<Profile | undefined> {
    const run = new Reads(this.clickhouse, project, caller).of('visitors_profile', 'events');
    const scope = lifeOf(project, since, person);
    const [[figures], around] = await Promise.all([
      run<ProfileRow>(profileFigures(scope, person)),
      run<SurroundingsRow>(surroundingsOf(scope, person, MOST_SHOWN)),
    ]);
    if (figures === undefined || figures.total === 0) return undefined;
    const said = (mark: EventMark) => run<{ said: string[] }>(touchOf(scope, person, mark));
    const ofFirst = said(figures.first);
    // Whoever came once has one event for both.
    const ofLast = figures.last[1] === figures.first[1] ? ofFirst : said(figures.last);
    const [[first], [last]] = await Promise.all([ofFirst, ofLast]);
    // Gone since a moment ago: the person is being erased.
    if (first === undefined || last === undefined) return undefined;
    return {
      person,
      figures,
      touches: [first.said, last.said],
      devices: around.filter(({ isPlace }) => isPlace === 0),
      places: around.filter(({ isPlace }) => isPlace === 1),
    };
  }
}
