// Which routes answer statistics? All under /stats; each needs a key with `stats:read`.
import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentProject, RequireScope } from '../auth/decorators';
import { queryTooLarge } from '../common/problem';
import { ApiProblems } from '../platform/http/api-problems';
import { type Caller, CurrentCaller } from '../platform/http/caller';
import type { Project } from '../projects/projects.types';
import * as dto from './stats.dto';
import { StatsService } from './stats.service';

const SHORTHAND = 'A shorthand of `/stats/breakdown/:dimension`.';

@ApiTags('stats')
@Controller('stats')
@RequireScope('stats:read')
@ApiProblems(queryTooLarge)
export class StatsController {
  constructor(private readonly stats: StatsService) {}

  @Get('overview')
  @ApiOperation({
    summary: 'Figures of a range',
    description:
      '`period`, or `from` and `to`, is required. Filters select events; sessions count where they hold one.',
  })
  @ApiOkResponse({ type: dto.OverviewDto })
  overview(
    @CurrentProject() project: Project,
    @Query() query: dto.OverviewQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<dto.OverviewDto> {
    return this.stats.overview(project, query, caller);
  }

  @Get('timeseries')
  @ApiOperation({
    summary: 'Figures over time',
    description: 'Buckets are of local time, through changes of the clock; empty ones are there as zeros.',
  })
  @ApiOkResponse({ type: dto.TimeseriesDto })
  timeseries(
    @CurrentProject() project: Project,
    @Query() query: dto.TimeseriesQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<dto.TimeseriesDto> {
    return this.stats.timeseries(project, query, caller);
  }

  @Get('breakdown/:dimension')
  @ApiOperation({
    summary: 'Figures by a dimension',
    description:
      'A row is what the overview says with the further filter `["is", dimension, [value]]`. `other` holds what is not listed by value.',
  })
  @ApiOkResponse({ type: dto.BreakdownDto })
  breakdown(
    @CurrentProject() project: Project,
    @Param() { dimension }: dto.BreakdownParams,
    @Query() query: dto.BreakdownQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<dto.BreakdownDto> {
    return this.stats.breakdown(project, dimension, query, caller);
  }

  @Get('pages')
  @ApiOperation({ summary: 'Figures by page', description: SHORTHAND })
  @ApiOkResponse({ type: dto.BreakdownDto })
  pages(
    @CurrentProject() project: Project,
    @Query() query: dto.BreakdownQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<dto.BreakdownDto> {
    return this.stats.breakdown(project, 'page', query, caller);
  }

  @Get('referrers')
  @ApiOperation({ summary: 'Figures by referring host', description: SHORTHAND })
  @ApiOkResponse({ type: dto.BreakdownDto })
  referrers(
    @CurrentProject() project: Project,
    @Query() query: dto.BreakdownQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<dto.BreakdownDto> {
    return this.stats.breakdown(project, 'referrer', query, caller);
  }

  @Get('countries')
  @ApiOperation({ summary: 'Figures by country', description: SHORTHAND })
  @ApiOkResponse({ type: dto.BreakdownDto })
  countries(
    @CurrentProject() project: Project,
    @Query() query: dto.BreakdownQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<dto.BreakdownDto> {
    return this.stats.breakdown(project, 'country', query, caller);
  }

  @Get('devices')
  @ApiOperation({ summary: 'Figures by kind of device', description: SHORTHAND })
  @ApiOkResponse({ type: dto.BreakdownDto })
  devices(
    @CurrentProject() project: Project,
    @Query() query: dto.BreakdownQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<dto.BreakdownDto> {
    return this.stats.breakdown(project, 'device', query, caller);
  }

  @Post('query')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Any metrics by any dimensions',
    description:
      'What all other routes are shorthands of. Rows are there where something is counted; a row without a value of the metric ' +
      'that it is sorted by comes last in either direction. `query` in the answer is the question as it was understood.',
  })
  @ApiOkResponse({ type: dto.QueryAnswerDto })
  query(
    @CurrentProject() project: Project,
    @Body() body: dto.StatsQueryDto,
    @CurrentCaller() caller: Caller,
  ): Promise<dto.QueryAnswerDto> {
    return this.stats.query(project, body, caller);
  }
}
