// What of a project's events has to go when the project goes? What waits in the spool, then what the warehouse holds.
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Project, type ProjectEraser, ProjectErasers } from '../../projects';
import { EventStore } from './event-store';
import { Spool } from './spool';

/** Within five seconds no replica takes events of the project any more; a second for those that are on their way. */
const LAST_EVENTS_MS = 6_000;

@Injectable()
export class EventsEraser implements ProjectEraser, OnModuleInit {
  constructor(
    private readonly erasers: ProjectErasers,
    private readonly spool: Spool,
    private readonly store: EventStore,
  ) {}

  onModuleInit(): void {
    this.erasers.add(this);
  }

  /** Deletes every event, link and reject of the project. Repeatable. */
  async erase({ number }: Pick<Project, 'number'>): Promise<void> {
    await sleep(LAST_EVENTS_MS);
    await this.spool.forget(number);
    await this.store.erase(number);
  }
}
