// Which routes answer questions about funnels? Saved ones by their id, and others as they are sent.
import { Body, Controller, Get, HttpCode, Param, Post, Query, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentProject, RequireScope } from '../auth';
import { notFound, queryTooLarge } from '../common/problem';
import { ApiProblems } from '../platform/http/api-problems';
import type { Project } from '../projects/projects.types';
import { type Asker, CurrentAsker, ServerTiming } from '../stats';
import { FunnelStatsDto, FunnelVisitorsDto } from './funnel-answers.dto';
import { FunnelQueryDto, FunnelStatsQuery, FunnelVisitorsQuery } from './funnel-stats.dto';
import { FunnelStatsService } from './funnel-stats.service';
import { FunnelParams } from './funnels.dto';
import { funnelOutdated } from './funnels.errors';

const HEADERS = {
  'Server-Timing': {
    description:
      'Where the time went, milliseconds: with `explain`, `query` is the work with the rows that it read, then its parts; `total` is all of it.',
    schema: { type: 'string' as const },
    example: 'cache;desc=miss, total;dur=84.2',
  },
};
const DEFINED =
  'A unit, a visitor or a session, counts once, by its attempt that came furthest; of equals, by the earliest. Attempts begin in the range.';

@ApiTags('funnels')
@Controller('funnels')
@RequireScope('stats:read')
@ApiProblems(queryTooLarge)
@UseInterceptors(ServerTiming)
export class FunnelStatsController {
  constructor(private readonly stats: FunnelStatsService) {}

  @Get(':id/stats')
  @ApiOperation({
    summary: 'How far they come in a funnel',
    description: `\`period\`, or \`from\` and \`to\`, is required. ${DEFINED}`,
  })
  @ApiOkResponse({ type: FunnelStatsDto, headers: HEADERS })
  @ApiProblems(notFound, funnelOutdated)
  ofSaved(
    @CurrentProject() project: Project,
    @Param() { id }: FunnelParams,
    @Query() query: FunnelStatsQuery,
    @CurrentAsker() asker: Asker,
  ): Promise<FunnelStatsDto> {
    return this.stats.ofSaved(project, id, query, asker);
  }

  @Post('query')
  @HttpCode(200)
  @ApiOperation({ summary: 'How far they come in a funnel that is not saved', description: DEFINED })
  @ApiOkResponse({ type: FunnelStatsDto, headers: HEADERS })
  ofUnsaved(
    @CurrentProject() project: Project,
    @Body() body: FunnelQueryDto,
    @CurrentAsker() asker: Asker,
  ): Promise<FunnelStatsDto> {
    return this.stats.ofUnsaved(project, body, asker);
  }

  @Get(':id/visitors')
  @ApiOperation({
    summary: 'Who came how far in a funnel',
    description:
      'Each with its attempt, the latest start first. `state=dropped` lists those who reached `step` and no later one; `dropped` says the same.',
  })
  @ApiOkResponse({ type: FunnelVisitorsDto, headers: HEADERS })
  @ApiProblems(notFound, funnelOutdated)
  visitors(
    @CurrentProject() project: Project,
    @Param() { id }: FunnelParams,
    @Query() query: FunnelVisitorsQuery,
    @CurrentAsker() asker: Asker,
  ): Promise<FunnelVisitorsDto> {
    return this.stats.visitors(project, id, query, asker);
  }
}
