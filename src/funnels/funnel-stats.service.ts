// How is a question about a funnel answered? Funnel, goals, range, figures: one path for saved funnels and others, and again for a comparison.
import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import { toPage } from '../common/cursor';
import { resolveComparison } from '../common/period';
import { invalidInput, Problem } from '../common/problem';
import type { Filter } from '../events/query';
import { GoalsService, type GoalTarget } from '../goals';
import type { Project } from '../projects';
import { type Asker, Spans } from '../stats';
import { FunnelAnswers } from './answer/funnel-answers.repository';
import type { FunnelComparisonDto, FunnelStatsDto, FunnelVisitorsDto } from './funnel-answers.dto';
import { definitionOf } from './funnel.definition';
import { attemptsOf, cursorValues, filterOf, questionOf, readPlace, spanOfWalk } from './funnel-inquiry';
import { shapeOf } from './funnel.question';
import type { FunnelQueryDto, FunnelStatsQuery, FunnelVisitorsQuery } from './funnel-stats.dto';
import type { FunnelQuestion, FunnelShape } from './funnel.types';
import { badField, funnelOutdated } from './funnels.errors';
import { startOf, toAttempt, toFunnelMeta, toFunnelStats } from './funnels.result';
import { FunnelsService } from './funnels.service';
import type { SavedFunnel } from './saved-funnel.types';

/** Everything that a request is understood by. */
interface Asked {
  readonly project: Project;
  readonly shape: FunnelShape;
  readonly filter: Filter | undefined;
  readonly funnel?: SavedFunnel;
  readonly asker: Asker;
}

@Injectable()
export class FunnelStatsService {
  constructor(
    private readonly funnels: FunnelsService,
    private readonly goals: GoalsService,
    private readonly spans: Spans,
    private readonly answers: FunnelAnswers,
    private readonly clock: Clock,
  ) {}

  /** Figures of a saved funnel. @throws notFound, funnelOutdated, invalidInput, storeUnavailable, queryTooLarge */
  async ofSaved(project: Project, id: string, request: FunnelStatsQuery, asker: Asker): Promise<FunnelStatsDto> {
    const { funnel, shape, goals } = await this.#saved(project, id, request.revision);
    const filter = filterOf(request.filters, goals);
    return this.#figures({ project, shape, filter, funnel, asker }, request);
  }

  /** Figures of a funnel that is not saved. @throws invalidInput, storeUnavailable, queryTooLarge */
  async ofUnsaved(project: Project, request: FunnelQueryDto, asker: Asker): Promise<FunnelStatsDto> {
    const goals = await this.goals.all(project.id);
    const shape = shapeOf(definitionOf(wishOf(request)), goals);
    const filter = filterOf(request.filters, goals);
    return this.#figures({ project, shape, filter, asker }, request);
  }

  /** A page of visitors with their attempts. @throws notFound, funnelOutdated, invalidInput, storeUnavailable, queryTooLarge */
  async visitors(project: Project, id: string, request: FunnelVisitorsQuery, asker: Asker): Promise<FunnelVisitorsDto> {
    const place = request.cursor === undefined ? undefined : readPlace(request.cursor);
    const revision = request.revision ?? place?.revision;
    if (place !== undefined && place.revision !== revision)
      throw badField('cursor', 'invalid_cursor', 'must be a cursor of the same revision');
    const { funnel, shape, goals } = await this.#saved(project, id, revision);
    const filter = filterOf(request.filters, goals);
    const wish = attemptsOf(request, shape, place?.after);
    const span = spanOfWalk(await this.spans.of(project, request), request.period, place);
    const question = questionOf({ precision: 'exact' }, shape, filter, project.number, span);
    const attempts = await this.answers.attempts(question, project.timezone, wish, asker);
    asker.timing.answered('miss', undefined);
    return {
      ...toPage(
        attempts,
        wish.limit - 1,
        (attempt) =>
          cursorValues({
            after: { startedAt: startOf(attempt), unit: attempt.unit },
            range: question.range,
            revision: funnel.revision,
          }),
        (attempt) => toAttempt(question, attempt),
      ),
      meta: toFunnelMeta(question, funnel),
    };
  }

  /** A saved funnel, and what it looks for now. */
  async #saved(
    project: Project,
    id: string,
    revision: number | undefined,
  ): Promise<{ funnel: SavedFunnel; shape: FunnelShape; goals: readonly GoalTarget[] }> {
    const [funnel, goals] = await Promise.all([this.funnels.get(project.id, id, revision), this.goals.all(project.id)]);
    return { funnel, shape: savedShape(funnel, goals), goals };
  }

  async #figures(asked: Asked, request: FunnelStatsQuery | FunnelQueryDto): Promise<FunnelStatsDto> {
    const { project, shape, filter } = asked;
    const span = await this.spans.of(project, request);
    const question = questionOf(request, shape, filter, project.number, span);
    if (request.compare === undefined) return this.#answer(question, asked);
    const range = resolveComparison(request.compare, span.range, span.timezone);
    // Together: a failure of one must not leave the other unheard.
    const [answer, comparison] = await Promise.all([
      this.#answer(question, asked),
      this.#answer({ ...question, range }, asked),
    ]);
    return { ...answer, comparison };
  }

  async #answer(question: FunnelQuestion, { project, funnel, asker }: Asked): Promise<FunnelComparisonDto> {
    const answer = await this.answers.answer(question, project.timezone, asker);
    asker.timing.answered('miss', answer.account.explain);
    return toFunnelStats(question, answer, funnel, this.clock.now());
  }
}

/** What a saved funnel looks for. It was right when it was saved; what it names may be gone. */
const savedShape = ({ definition }: SavedFunnel, goals: readonly GoalTarget[]): FunnelShape => {
  try {
    return shapeOf(definition, goals);
  } catch (error) {
    if (!(error instanceof Problem) || error.kind !== invalidInput.kind) throw error;
    throw funnelOutdated(error.extra.errors === undefined ? {} : { errors: error.extra.errors });
  }
};

const wishOf = ({ steps, mode, window, countBy, exclusions, holdConstant }: FunnelQueryDto) => ({
  steps,
  mode,
  window,
  countBy,
  exclusions,
  holdConstant,
});
