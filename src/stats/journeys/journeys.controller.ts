// Which route answers journeys? One under /stats; it needs a key with `stats:read`.
import { Controller, Get, Query, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentProject, RequireScope } from '../../auth/decorators';
import { queryTooLarge } from '../../common/problem';
import { ApiProblems } from '../../platform/http/api-problems';
import type { Project } from '../../projects/projects.types';
import { type Asker, CurrentAsker, ServerTiming } from '../cache/asker';
import { JourneysDto, JourneysQuery } from './journeys.dto';
import { JourneysService } from './journeys.service';

@ApiTags('stats')
@Controller('stats/journeys')
@RequireScope('stats:read')
@ApiProblems(queryTooLarge)
@UseInterceptors(ServerTiming)
export class JourneysController {
  constructor(private readonly service: JourneysService) {}

  @Get()
  @ApiOperation({
    summary: 'The ways that visitors take',
    description:
      'The most frequent paths of sessions or visitors, through pages or events, each unit once: from its first step, from a `start`, to an ' +
      '`end`, or `around` a step. `nodes` and `links` are the picture of all paths, not of the listed ones alone: the count of a node is what ' +
      'begins there (`entries`) and what comes in by links, and as much goes out by links or ends there (`exits`).',
  })
  @ApiOkResponse({ type: JourneysDto })
  journeys(
    @CurrentProject() project: Project,
    @Query() query: JourneysQuery,
    @CurrentAsker() asker: Asker,
  ): Promise<JourneysDto> {
    return this.service.journeys(project, query, asker);
  }
}
