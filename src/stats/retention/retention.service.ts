// How is each question about who comes back answered? Request, question, rows, answer; and again for a range to compare with.
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { resolveComparison } from '../../common/period';
import { GoalsService } from '../../goals';
import type { Project } from '../../projects';
import type { Asker } from '../cache/asker';
import { Spans } from '../spans';
import type { OverviewQuery } from '../stats.dto';
import { toLifecycle, toStickiness } from './activity.result';
import type * as dto from './retention.dto';
import { type Costed, RetentionRepository } from './retention.repository';
import {
  lifecycleQuestion,
  retentionQuestion,
  stickinessQuestion,
  type Surroundings,
  wantsGoals,
} from './retention.request';
import { toRetention } from './retention.result';

@Injectable()
export class RetentionService {
  constructor(
    private readonly repository: RetentionRepository,
    private readonly spans: Spans,
    private readonly goals: GoalsService,
    private readonly clock: Clock,
  ) {}

  /** Who came back, of those who began in each period. @throws invalidInput, storeUnavailable, queryTooLarge */
  async retention(project: Project, request: dto.RetentionQuery, asker: Asker): Promise<dto.RetentionDto> {
    const around = await this.#surroundings(project, request);
    // The other range has its own cohorts in the same kind of table.
    const question = retentionQuestion(request, around);
    const same = { ...request, interval: question.length, columns: question.columns };
    return compared(request, around, async (other) => {
      const asked = other === around ? question : retentionQuestion(same, other);
      return toRetention(asked, told(asker, await this.repository.cohorts(asked, asker)));
    });
  }

  /** Who was new, stayed, came back or stayed away in each period. @throws invalidInput, storeUnavailable, queryTooLarge */
  async lifecycle(project: Project, request: dto.LifecycleQuery, asker: Asker): Promise<dto.LifecycleDto> {
    const around = await this.#surroundings(project, request);
    const { length } = lifecycleQuestion(request, around);
    return compared(request, around, async (other) => {
      const asked = lifecycleQuestion({ ...request, interval: length }, other);
      return toLifecycle(asked, told(asker, await this.repository.lifecycle(asked, asker)));
    });
  }

  /** On how many days visitors were active in each period. @throws invalidInput, storeUnavailable, queryTooLarge */
  async stickiness(project: Project, request: dto.StickinessQuery, asker: Asker): Promise<dto.StickinessDto> {
    const around = await this.#surroundings(project, request);
    const { length } = stickinessQuestion(request, around);
    const interval = length === 'month' ? length : 'week';
    return compared(request, around, async (other) => {
      const asked = stickinessQuestion({ ...request, interval }, other);
      return toStickiness(asked, told(asker, await this.repository.stickiness(asked, asker)));
    });
  }

  async #surroundings(project: Project, request: OverviewQuery): Promise<Surroundings> {
    const goals = wantsGoals(request) ? await this.goals.all(project.id) : [];
    const span = await this.spans.of(project, request);
    return { project: project.number, homeZone: project.timezone, span, goals, now: this.clock.now() };
  }
}

/** Rows, when their cost was told. */
const told = <T>(asker: Asker, found: Costed<T>): T => {
  asker.timing.answered('miss', found.cost);
  return found;
};

/** The answer for a range, and for the one beside it where the request has one. */
async function compared<T extends object>(
  { compare }: OverviewQuery,
  around: Surroundings,
  answer: (around: Surroundings) => Promise<T>,
): Promise<T & { comparison?: T }> {
  const { span } = around;
  if (compare === undefined) return answer(around);
  const range = resolveComparison(compare, span.range, span.timezone);
  // Together: a failure of one must not leave the other unheard.
  const [own, comparison] = await Promise.all([answer(around), answer({ ...around, span: { ...span, range } })]);
  return { ...own, comparison };
}
