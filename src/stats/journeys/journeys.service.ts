// How is a question about journeys answered? Range, question, rows, answer.
import { Injectable } from '@nestjs/common';
import { parseFilterText } from '../../events/query';
import { GoalsService, namesGoals, resolveGoals } from '../../goals';
import type { Project } from '../../projects';
import type { Asker } from '../cache/asker';
import { Spans } from '../spans';
import type { JourneysDto, JourneysQuery } from './journeys.dto';
import { JourneysRepository } from './journeys.repository';
import { journeyQuestion } from './journeys.request';
import { toJourneysDto } from './journeys.result';

@Injectable()
export class JourneysService {
  constructor(
    private readonly spans: Spans,
    private readonly repository: JourneysRepository,
    private readonly goals: GoalsService,
  ) {}

  /** The most frequent paths of a range, and the picture of all of them. @throws invalidInput, storeUnavailable, queryTooLarge */
  async journeys(project: Project, request: JourneysQuery, asker: Asker): Promise<JourneysDto> {
    const asked = parseFilterText(request.filters);
    const filter = resolveGoals(asked, namesGoals(asked) ? await this.goals.all(project.id) : []);
    const span = await this.spans.of(project, request);
    const question = journeyQuestion(request, project.number, span, filter);
    const { cost, ...answer } = await this.repository.answer(question, project.timezone, asker);
    asker.timing.answered('bypass', cost);
    return toJourneysDto(question, answer, span);
  }
}
