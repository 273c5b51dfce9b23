// Which routes say who comes back? Retention, lifecycle and stickiness; each needs a key with `stats:read`.
import { Controller, Get, Query, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentProject, RequireScope } from '../../auth/decorators';
import { queryTooLarge } from '../../common/problem';
import { ApiProblems } from '../../platform/http/api-problems';
import type { Project } from '../../projects/projects.types';
import { type Asker, CurrentAsker, ServerTiming } from '../cache/asker';
import * as dto from './retention.dto';
import { RetentionService } from './retention.service';

const HEADERS = {
  'Server-Timing': {
    description:
      'Where the time went, in milliseconds: `query` with the rows that it read, then its parts; `total` is all of it.',
    schema: { type: 'string' as const },
    example: 'cache;desc=miss, query;dur=41.2;desc="rows 81920", retention;dur=40.9;desc="rows 81920", total;dur=44.0',
  },
};

@ApiTags('stats')
@Controller('stats')
@RequireScope('stats:read')
@ApiProblems(queryTooLarge)
@UseInterceptors(ServerTiming)
export class RetentionController {
  constructor(private readonly retentions: RetentionService) {}

  @Get('retention')
  @ApiOperation({
    summary: 'Who came back, by when they began',
    description:
      'A visitor belongs to the period in which their first start event ever lies, read over all of the project’s history, as if only ' +
      'the events that `filters` selects had happened. A cell says how many of them came back so many periods later.',
  })
  @ApiOkResponse({ type: dto.RetentionDto, headers: HEADERS })
  retention(
    @CurrentProject() project: Project,
    @Query() query: dto.RetentionQuery,
    @CurrentAsker() asker: Asker,
  ): Promise<dto.RetentionDto> {
    return this.retentions.retention(project, query, asker);
  }

  @Get('lifecycle')
  @ApiOperation({
    summary: 'New, returning, resurrected and dormant visitors',
    description:
      'Of each whole local period that touches the range, compared with the period before it and with all of history.',
  })
  @ApiOkResponse({ type: dto.LifecycleDto, headers: HEADERS })
  lifecycle(
    @CurrentProject() project: Project,
    @Query() query: dto.LifecycleQuery,
    @CurrentAsker() asker: Asker,
  ): Promise<dto.LifecycleDto> {
    return this.retentions.lifecycle(project, query, asker);
  }

  @Get('stickiness')
  @ApiOperation({
    summary: 'On how many days visitors are active',
    description: 'Of those active in each whole local week or month that touches the range: on how many of its days.',
  })
  @ApiOkResponse({ type: dto.StickinessDto, headers: HEADERS })
  stickiness(
    @CurrentProject() project: Project,
    @Query() query: dto.StickinessQuery,
    @CurrentAsker() asker: Asker,
  ): Promise<dto.StickinessDto> {
    return this.retentions.stickiness(project, query, asker);
  }
}
