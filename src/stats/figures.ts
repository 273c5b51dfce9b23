// What is one figure of a range, for a feature that watches it? A number, asked in the background, by the same path as every chart.
import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import type { TimeRange } from '../common/time-range';
import { Env } from '../config/env';
import { parseFilter } from '../events/query';
import { GoalsService } from '../goals';
import { type Project, shownFrom } from '../projects';
import { ALL_METRICS, findMetric, metricOf } from './metrics';
import { badParameter } from './stats.errors';
import { type Inquiry, isAboutGoals, resolve } from './stats.inquiry';
import { StatsRepository } from './stats.repository';
import type { StatsQuery } from './stats.types';

/** Which figure: a metric that is a number, of the events that a filter tree selects. */
export interface FigureAsked {
  readonly metric: string;
  readonly filters?: readonly unknown[];
}

@Injectable()
export class Figures {
  constructor(
    private readonly stats: StatsRepository,
    private readonly goals: GoalsService,
    private readonly clock: Clock,
    private readonly env: Env,
  ) {}

  /** Whether there can be such a figure of a project.
   *  @throws invalidInput for a metric that is no number, a filter that is none, and goals that the project does not have */
  async check(project: Project, asked: FigureAsked): Promise<void> {
    await this.#questions(project, asked, [{ from: 0, to: 1 }]);
  }

  /** The figure of each range, in their order; null: there is none, as the mean of nothing. A question takes no more time and rows than
   *  a chart may.
   *  @throws what `check` throws; storeUnavailable, queryTooLarge */
  async of(project: Project, asked: FigureAsked, ranges: readonly TimeRange[]): Promise<(number | null)[]> {
    const { QUERY_TIMEOUT_MS: timeoutMs, QUERY_MAX_ROWS: maxRows } = this.env;
    const figures: (number | null)[] = [];
    for (const query of await this.#questions(project, asked, ranges)) {
      const { rows } = await this.stats.answer(query, project.timezone, { background: true, timeoutMs, maxRows });
      const value = rows[0]?.values[0] ?? metricOf(asked.metric).zero();
      figures.push(typeof value === 'number' ? value : null);
    }
    return figures;
  }

  async #questions(project: Project, asked: FigureAsked, ranges: readonly TimeRange[]): Promise<StatsQuery[]> {
    const inquiry = inquiryOf(asked);
    const since = shownFrom(project, this.clock.now());
    const goals = isAboutGoals(inquiry) ? await this.goals.all(project.id) : [];
    return ranges.map((range) => {
      const span = { range, timezone: project.timezone, ...(since === undefined ? {} : { since }) };
      return resolve(inquiry, {}, project.number, span, goals).query;
    });
  }
}

const inquiryOf = ({ metric, filters }: FigureAsked): Inquiry => {
  const found = findMetric(metric);
  if (found === undefined) throw badParameter('metric', 'unknown_metric', `must be one of ${ALL_METRICS}`);
  if (!found.sortable)
    throw badParameter('metric', 'not_a_number', 'must be a number: this one is an amount a currency');
  return {
    metrics: [metric],
    groupings: () => [],
    order: [],
    filter: filters === undefined ? undefined : parseFilter(filters),
  };
};
