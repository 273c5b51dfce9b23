// Which events does a request select? Its filter, goals put into events' own words.
import { Injectable } from '@nestjs/common';
import { type Filter, parseFilterText } from '../events/query';
import { GoalsService, namesGoals, resolveGoals } from '../goals';
import type { Project } from '../projects';

@Injectable()
export class Selections {
  constructor(private readonly goals: GoalsService) {}

  /** The filter of a request. @throws invalidInput, storeUnavailable */
  async of(project: Project, text: string | undefined): Promise<Filter | undefined> {
    const filter = parseFilterText(text);
    return namesGoals(filter) ? resolveGoals(filter, await this.goals.all(project.id)) : filter;
  }
}
