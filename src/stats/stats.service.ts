// How is each question about statistics answered? Request, question, rows, answer: and the same again for a comparison.
import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import { toPage } from '../common/cursor';
import { needsFirstEvent } from '../common/period';
import type { TimeRange } from '../common/time-range';
import { allOf, parseFilter, parseFilterText } from '../events/query';
import type { Caller } from '../platform/http/caller';
import type { Project } from '../projects/projects.types';
import { OVERVIEW_METRICS } from './metrics';
import type * as dto from './stats.dto';
import { badParameter } from './stats.errors';
import { bucketsOf } from './stats.queries';
import { StatsRepository } from './stats.repository';
import * as ask from './stats.request';
import * as answer from './stats.result';
import type { StatsQuery, StatsRow } from './stats.types';

const DEFAULT_ROWS = 50;
const DEFAULT_QUERY_ROWS = 1_000;

@Injectable()
export class StatsService {
  constructor(
    private readonly stats: StatsRepository,
    private readonly clock: Clock,
  ) {}

  /** The overview's figures of a range. @throws invalidInput, storeUnavailable, queryTooLarge */
  async overview(project: Project, request: dto.OverviewQuery, caller: Caller): Promise<dto.OverviewDto> {
    const { range, comparison, timezone } = await this.#span(project, request);
    const filter = parseFilterText(request.filters);
    const figures = async (of: TimeRange): Promise<dto.OverviewComparisonDto> => {
      const query = ask.question({
        project: project.number,
        range: of,
        timezone,
        metrics: OVERVIEW_METRICS,
        groupings: [],
        order: [],
        filter,
      });
      const [row] = await this.stats.rows(query, caller);
      return { data: answer.toFigures(OVERVIEW_METRICS, row), meta: answer.toMeta(of, timezone) };
    };
    return withComparison(figures, range, comparison);
  }

  /** Figures of every bucket of a range. @throws invalidInput, storeUnavailable, queryTooLarge */
  async timeseries(project: Project, request: dto.TimeseriesQuery, caller: Caller): Promise<dto.TimeseriesDto> {
    const { range, comparison, timezone } = await this.#span(project, request);
    const filter = parseFilterText(request.filters);
    const metrics = ask.metricsOf(request.metrics);
    const interval = request.interval ?? ask.intervalFor(range);
    const series = async (of: TimeRange): Promise<dto.TimeseriesComparisonDto> => {
      const query = ask.question({
        project: project.number,
        range: of,
        timezone,
        metrics,
        groupings: [{ kind: 'time', interval }],
        order: [],
        filter,
      });
      const starts = bucketsOf(query, interval);
      const rows = await this.stats.rows(query, caller);
      return { data: answer.toBuckets(query, starts, rows), meta: answer.toMeta(of, timezone, interval) };
    };
    return withComparison(series, range, comparison);
  }

  /** A page of a dimension's values with their figures. @throws invalidInput, storeUnavailable, queryTooLarge */
  async breakdown(
    project: Project,
    dimension: string,
    request: dto.BreakdownQuery,
    caller: Caller,
  ): Promise<dto.BreakdownDto> {
    const grouping = ask.dimensionOf(dimension);
    const metrics = ask.metricsOf(request.metrics);
    const asked = request.order === undefined ? ask.defaultOrder(metrics) : [request.order];
    const order = ask.orderOf(asked, metrics, ['value'], 'order');
    const cursor = request.cursor === undefined ? undefined : ask.readCursor(request.cursor, order);
    const span = await this.#span(project, request);
    const range = cursor?.range ?? span.range;
    // A period moves on between two pages; a range that was spelled out does not.
    if (request.period === undefined && (range.from !== span.range.from || range.to !== span.range.to))
      throw badParameter('cursor', 'invalid_cursor', 'must be a cursor of the same range');
    const limit = request.limit ?? DEFAULT_ROWS;
    const query = ask.question({
      project: project.number,
      range,
      timezone: span.timezone,
      metrics,
      groupings: [grouping],
      order,
      limit: limit + 1,
      filter: parseFilterText(request.filters),
      search: request.search,
      after: cursor?.after,
    });
    const rows = await this.stats.rows(query, caller);
    const { data, page } = toPage(
      rows,
      limit,
      (row) => [...answer.sortValues(query, row), range.from, range.to],
      (row) => row,
    );
    const compared =
      span.comparison === undefined
        ? {}
        : { comparison: await this.#sameValues(query, dimension, data, span.comparison, caller) };
    return {
      data: data.map((row) => answer.toBreakdownRow(query, row)),
      page,
      ...compared,
      meta: answer.toMeta(range, span.timezone),
    };
  }

  /** A free question: any metrics by any dimensions. @throws invalidInput, storeUnavailable, queryTooLarge */
  async query(project: Project, request: dto.StatsQueryDto, caller: Caller): Promise<dto.QueryAnswerDto> {
    const { range, comparison, timezone } = await this.#span(project, request);
    const filter = request.filters === undefined ? undefined : parseFilter(request.filters);
    const metrics = ask.metricsOf(request.metrics);
    const groupings = ask.groupingsOf(request.dimensions, request.interval, range);
    const names = groupings.map(ask.nameOfGrouping);
    const timed = groupings.find((grouping) => grouping.kind === 'time');
    const order = ask.orderOf(
      request.orderBy ?? (timed === undefined ? ask.defaultOrder(metrics) : ['time', ...ask.defaultOrder(metrics)]),
      metrics,
      names,
      'orderBy',
    );
    const limit = request.limit ?? DEFAULT_QUERY_ROWS;
    const query = ask.question({ project: project.number, range, timezone, metrics, groupings, order, limit, filter });
    if (timed !== undefined) bucketsOf(query, timed.interval);
    const rows = await this.stats.rows(query, caller);
    const table = (of: TimeRange, found: readonly StatsRow[]): dto.QueryComparisonDto => ({
      data: found.map((row) => answer.toNamedRow(query, row)),
      meta: answer.toMeta(of, timezone, timed?.interval),
    });
    const compared =
      comparison === undefined
        ? {}
        : { comparison: table(comparison, await this.stats.rows({ ...query, range: comparison }, caller)) };
    return { ...table(range, rows), ...compared, query: answer.toNormalised(query, comparison) };
  }

  async #span(project: Project, request: dto.StatsRangeQuery): Promise<ask.Span> {
    const firstEventAt = needsFirstEvent(request) ? await this.stats.firstEventAt(project.number) : undefined;
    const asked = { timezone: project.timezone, now: this.clock.now() };
    return ask.spanOf(request, firstEventAt === undefined ? asked : { ...asked, firstEventAt });
  }

  /** The values of a page in another range. */
  async #sameValues(
    query: StatsQuery,
    dimension: string,
    rows: readonly StatsRow[],
    range: TimeRange,
    caller: Caller,
  ): Promise<dto.BreakdownComparisonDto> {
    const meta = answer.toMeta(range, query.timezone);
    if (rows.length === 0) return { data: [], meta };
    const values = rows.map(({ groups }) => String(groups[0]));
    const filter = allOf(query.filter, { kind: 'test', op: 'is', dimension, values });
    const other = ask.question({ ...query, range, filter, order: [], limit: undefined, after: undefined });
    return { data: answer.alongside(query, rows, await this.stats.rows(other, caller)), meta };
  }
}

/** An answer, with that of the other range beside it where there is one. */
async function withComparison<T extends object>(
  of: (range: TimeRange) => Promise<T>,
  range: TimeRange,
  comparison: TimeRange | undefined,
): Promise<T & { comparison?: T }> {
  // Together: a failure of one must not leave the other unheard.
  const [now, then] = await Promise.all([of(range), comparison === undefined ? undefined : of(comparison)]);
  return { ...(now as T), ...(then === undefined ? {} : { comparison: then }) };
}
