// How is each question about statistics answered? Request, inquiry, rows, answer: one path for every route, and again for a comparison.
import { Injectable } from '@nestjs/common';
import { toPage, type Page } from '../common/cursor';
import type { TimeRange } from '../common/time-range';
import { GoalsService } from '../goals';
import type { Project } from '../projects';
import { AnswerCache } from './cache/answer-cache';
import type { Asker } from './cache/asker';
import type * as dto from './stats.dto';
import { Spans } from './spans';
import * as inquiry from './stats.inquiry';
import { bucketsOf } from './stats.queries';
import * as answer from './stats.result';
import type { StatsAnswer, StatsQuery, StatsRow } from './stats.types';

type Request = dto.OverviewQuery | dto.TimeseriesQuery | dto.BreakdownQuery | dto.StatsQueryDto;

/** A question with its answer, and that of the range to compare with. */
interface Answered {
  readonly table: answer.Table;
  readonly comparison?: answer.Table;
  readonly comparedWith: TimeRange | undefined;
}

@Injectable()
export class StatsService {
  constructor(
    private readonly spans: Spans,
    private readonly answers: AnswerCache,
    private readonly goals: GoalsService,
  ) {}

  /** The overview's figures of a range. @throws invalidInput, storeUnavailable, queryTooLarge */
  async overview(project: Project, request: dto.OverviewQuery, asker: Asker): Promise<dto.OverviewDto> {
    return mapped(await this.#answer(project, request, inquiry.overviewInquiry(request), asker), answer.toOverview);
  }

  /** Figures of every bucket of a range. @throws invalidInput, storeUnavailable, queryTooLarge */
  async timeseries(project: Project, request: dto.TimeseriesQuery, asker: Asker): Promise<dto.TimeseriesDto> {
    const asked = inquiry.timeseriesInquiry(request);
    return mapped(await this.#answer(project, request, asked, asker), answer.toTimeseries);
  }

  /** A page of a dimension's values with their figures. @throws invalidInput, storeUnavailable, queryTooLarge */
  async breakdown(
    project: Project,
    dimension: string,
    request: dto.BreakdownQuery,
    asker: Asker,
  ): Promise<dto.BreakdownDto> {
    const asked = inquiry.breakdownInquiry(dimension, request);
    const answered = await this.#answer(project, request, asked, asker);
    return { ...mapped(answered, answer.toBreakdown), page: { next: answered.table.next } };
  }

  /** A free question: any metrics by any dimensions. @throws invalidInput, storeUnavailable, queryTooLarge */
  async query(project: Project, request: dto.StatsQueryDto, asker: Asker): Promise<dto.QueryAnswerDto> {
    const asked = inquiry.freeInquiry(request);
    const answered = await this.#answer(project, request, asked, asker);
    const { query, next } = answered.table;
    return {
      ...mapped(answered, answer.toQueryRows),
      page: { next },
      query: answer.toNormalised(query, asked.filter, request.cursor, answered.comparedWith),
    };
  }

  async #answer(project: Project, request: Request, asked: inquiry.Inquiry, asker: Asker): Promise<Answered> {
    const [span, goals] = await Promise.all([
      this.spans.of(project, request),
      inquiry.isAboutGoals(asked) ? this.goals.all(project.id) : [],
    ]);
    const zone = project.timezone;
    const { query, comparison: comparedWith } = inquiry.resolve(asked, request, project.number, span, goals);
    // Of buckets on later pages it would be the first page again.
    if (comparedWith === undefined || (query.after !== undefined && !inquiry.comparesGroups(query)))
      return { table: await this.#table(query, zone, asker), comparedWith };
    if (inquiry.comparesGroups(query)) {
      const table = await this.#table(query, zone, asker);
      return { table, comparison: await this.#alongside(table, comparedWith, zone, asker), comparedWith };
    }
    const other = inquiry.sameQuestion(query, comparedWith);
    // Together: a failure of one must not leave the other unheard.
    const [table, comparison] = await Promise.all([this.#table(query, zone, asker), this.#table(other, zone, asker)]);
    return { table, comparison, comparedWith };
  }

  /** A page of a question's rows. */
  async #table(query: StatsQuery, zone: string, asker: Asker): Promise<answer.Table> {
    const interval = inquiry.intervalOf(query);
    const starts = interval === undefined ? [] : bucketsOf(query, interval);
    const { limit } = query;
    // One row more than asked tells whether there is a next page.
    const found = await this.#rows(limit === undefined ? query : { ...query, limit: limit + 1 }, zone, asker);
    const { data, page } = limit === undefined ? wholly(found.rows) : paged(query, limit, found.rows);
    return { query, rows: data, starts, next: page.next, account: found.account, other: found.other };
  }

  /** The groups of a page in another range, in the same order; those without events as zeros. */
  async #alongside(table: answer.Table, range: TimeRange, zone: string, asker: Asker): Promise<answer.Table> {
    const query = inquiry.sameGroups(table.query, table.rows, range);
    if (table.rows.length === 0) return { query, rows: [], starts: [], next: null, account: {} };
    const { rows, account } = await this.#rows(query, zone, asker);
    return { query, rows: answer.inOrderOf(table.rows, rows, query.metrics), starts: [], next: null, account };
  }

  /** Rows as the warehouse gives them, with how they were come by. */
  #rows(query: StatsQuery, zone: string, asker: Asker): Promise<StatsAnswer> {
    return this.answers.answer(query, zone, asker);
  }
}

const wholly = (rows: readonly StatsRow[]): Page<StatsRow> => ({ data: [...rows], page: { next: null } });

const paged = (query: StatsQuery, limit: number, rows: readonly StatsRow[]): Page<StatsRow> =>
  toPage(
    rows,
    limit,
    (row) => [...answer.sortValues(query, row), query.range.from, query.range.to],
    (row) => row,
  );

/** The answer in a route's words, with that of the other range beside it where there is one. */
const mapped = <T extends object>(
  { table, comparison }: Answered,
  map: (table: answer.Table) => T,
): T & { comparison?: T } => ({
  ...map(table),
  ...(comparison === undefined ? {} : { comparison: map(comparison) }),
});
