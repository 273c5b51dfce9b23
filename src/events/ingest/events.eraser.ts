// What of a project's events has to go when the project goes? Rows of the warehouse; what waits in the spool is skipped by its drain.
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type Project, ProjectErasers } from '../../projects';
import { EventStore } from './event-store';

@Injectable()
export class EventsEraser implements OnModuleInit {
  constructor(
    private readonly erasers: ProjectErasers,
    private readonly store: EventStore,
  ) {}

  onModuleInit(): void {
    this.erasers.add(this);
  }

  /** Deletes every row of the project. Repeatable. */
  async erase(project: Pick<Project, 'number'>): Promise<void> {
    await this.store.erase(project.number);
  }
}
