// Which routes answer statistics? All under /stats; each needs a key with `stats:read`.
import { Body, Controller, Get, HttpCode, Param, Post, Query, UseInterceptors } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentProject, RequireScope } from '../auth/decorators';
import { queryTooLarge } from '../common/problem';
import { ApiProblems } from '../platform/http/api-problems';
import type { Project } from '../projects/projects.types';
import { type Asker, CurrentAsker, ServerTiming } from './cache/asker';
import * as dto from './stats.dto';
import { StatsService } from './stats.service';

const SHORTHAND = 'A shorthand of `/stats/breakdown/:dimension`.';
const HEADERS = {
  'Server-Timing': {
    description:
      'Where the time went: `cache` says in `desc` how each question was answered (hit, shared, joined, miss, bypass), `version` is the ' +
      'look whether a kept answer holds, `query` the work with the rows that it read, then its parts; `total` is all of it. Milliseconds.',
    schema: { type: 'string' as const },
    example:
      'cache;desc=miss, version;dur=1.9, query;dur=12.3;desc="rows 8760", stats_rollup;dur=11.8;desc="rows 8760", total;dur=15.4',
  },
};

@ApiTags('stats')
@Controller('stats')
@RequireScope('stats:read')
@ApiProblems(queryTooLarge)
@ApiHeader({
  name: 'Cache-Control',
  required: false,
  description: '`no-store`: the answer is worked out anew, and not kept.',
  schema: { type: 'string' },
})
@UseInterceptors(ServerTiming)
export class StatsController {
  constructor(private readonly stats: StatsService) {}

  @Get('overview')
  @ApiOperation({
    summary: 'Figures of a range',
    description:
      '`period`, or `from` and `to`, is required. Filters select events; sessions count where they hold one.',
  })
  @ApiOkResponse({ type: dto.OverviewDto, headers: HEADERS })
  overview(
    @CurrentProject() project: Project,
    @Query() query: dto.OverviewQuery,
    @CurrentAsker() asker: Asker,
  ): Promise<dto.OverviewDto> {
    return this.stats.overview(project, query, asker);
  }

  @Get('timeseries')
  @ApiOperation({
    summary: 'Figures over time',
    description: 'Buckets are of local time, through changes of the clock; empty ones are there as zeros.',
  })
  @ApiOkResponse({ type: dto.TimeseriesDto, headers: HEADERS })
  timeseries(
    @CurrentProject() project: Project,
    @Query() query: dto.TimeseriesQuery,
    @CurrentAsker() asker: Asker,
  ): Promise<dto.TimeseriesDto> {
    return this.stats.timeseries(project, query, asker);
  }

  @Get('breakdown/:dimension')
  @ApiOperation({
    summary: 'Figures by a dimension',
    description:
      'A row is what the overview says with the further filter `["is", dimension, [value]]`. `other` holds what is not listed by value. ' +
      'Of `goal` there is a row for each goal of the project that somebody reached; an event that reaches two is in both rows.',
  })
  @ApiOkResponse({ type: dto.BreakdownDto, headers: HEADERS })
  breakdown(
    @CurrentProject() project: Project,
    @Param() { dimension }: dto.BreakdownParams,
    @Query() query: dto.BreakdownQuery,
    @CurrentAsker() asker: Asker,
  ): Promise<dto.BreakdownDto> {
    return this.stats.breakdown(project, dimension, query, asker);
  }

  @Get('pages')
  @ApiOperation({ summary: 'Figures by page', description: SHORTHAND })
  @ApiOkResponse({ type: dto.BreakdownDto, headers: HEADERS })
  pages(
    @CurrentProject() project: Project,
    @Query() query: dto.BreakdownQuery,
    @CurrentAsker() asker: Asker,
  ): Promise<dto.BreakdownDto> {
    return this.stats.breakdown(project, 'page', query, asker);
  }

  @Get('referrers')
  @ApiOperation({ summary: 'Figures by referring host', description: SHORTHAND })
  @ApiOkResponse({ type: dto.BreakdownDto, headers: HEADERS })
  referrers(
    @CurrentProject() project: Project,
    @Query() query: dto.BreakdownQuery,
    @CurrentAsker() asker: Asker,
  ): Promise<dto.BreakdownDto> {
    return this.stats.breakdown(project, 'referrer', query, asker);
  }

  @Get('countries')
  @ApiOperation({ summary: 'Figures by country', description: SHORTHAND })
  @ApiOkResponse({ type: dto.BreakdownDto, headers: HEADERS })
  countries(
    @CurrentProject() project: Project,
    @Query() query: dto.BreakdownQuery,
    @CurrentAsker() asker: Asker,
  ): Promise<dto.BreakdownDto> {
    return this.stats.breakdown(project, 'country', query, asker);
  }

  @Get('devices')
  @ApiOperation({ summary: 'Figures by kind of device', description: SHORTHAND })
  @ApiOkResponse({ type: dto.BreakdownDto, headers: HEADERS })
  devices(
    @CurrentProject() project: Project,
    @Query() query: dto.BreakdownQuery,
    @CurrentAsker() asker: Asker,
  ): Promise<dto.BreakdownDto> {
    return this.stats.breakdown(project, 'device', query, asker);
  }

  @Post('query')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Any metrics by any dimensions',
    description:
      'What all other routes are shorthands of. Rows are there where something is counted; a row without a value of the metric ' +
      'that it is sorted by comes last in either direction. `query` in the answer is the question as it was understood.',
  })
  @ApiOkResponse({ type: dto.QueryAnswerDto, headers: HEADERS })
  query(
    @CurrentProject() project: Project,
    @Body() body: dto.StatsQueryDto,
    @CurrentAsker() asker: Asker,
  ): Promise<dto.QueryAnswerDto> {
    return this.stats.query(project, body, asker);
  }
}
