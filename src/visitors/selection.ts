// Which events does a request select? Its filter, goals put into events' own words.
import { Injectable } from '@nestjs/common';
import type { RangeRequest } from '../common/period';
import { type Filter, parseFilterText } from '../events/query';
import { GoalsService, namesGoals, resolveGoals } from '../goals';
import type { Project } from '../projects';

/** The stretch of time that a list means: all of it where none is named, as with other lists. */
export const orAllTime = <T extends RangeRequest>(request: T): T =>
  request.period === undefined && request.from === undefined && request.to === undefined
    ? { ...request, period: 'all' }
    : request;

@Injectable()
export class Selections {
  constructor(private readonly goals: GoalsService) {}

  /** The filter of a request. @throws invalidInput, storeUnavailable */
  async of(project: Project, text: string | undefined): Promise<Filter | undefined> {
    const filter = parseFilterText(text);
    return namesGoals(filter) ? resolveGoals(filter, await this.goals.all(project.id)) : filter;
  }
}
