// What are a project's goals, and how do they come and go?
import { Injectable } from '@nestjs/common';
import { toTarget } from './goal-target';
import { GoalsRepository } from './goals.repository';
import type { GoalTarget } from './goals.types';

/** Goals of projects. */
@Injectable()
export class GoalsService {
  constructor(private readonly repository: GoalsRepository) {}

  /** All goals of a project, oldest first, as questions work with them. Read anew each time: a goal that was changed through
   *  another server is changed here too. */
  async all(projectId: string): Promise<GoalTarget[]> {
    return (await this.repository.list(projectId)).map(toTarget);
  }
}
