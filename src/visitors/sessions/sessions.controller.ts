// Which routes answer about sessions? All under /sessions; each needs a key with `events:read`.
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentProject, RequireScope } from '../../auth/decorators';
import type { Page } from '../../common/cursor';
import { notFound, queryTooLarge } from '../../common/problem';
import { ApiProblems } from '../../platform/http/api-problems';
import { type Caller, CurrentCaller } from '../../platform/http/caller';
import type { Project } from '../../projects/projects.types';
import * as dto from './sessions.dto';
import { SessionsService } from './sessions.service';

@ApiTags('visitors')
@Controller('sessions')
@RequireScope('events:read')
@ApiProblems(queryTooLarge)
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  @Get()
  @ApiOperation({
    summary: 'List sessions',
    description:
      'Sessions that began in the range and hold a selected event, newest first, each over its whole length; without `period`, or `from` and `to`, the range is all time. A walk by cursor sees the events that had arrived when it began: it skips none and repeats none while others arrive.',
  })
  @ApiOkResponse({ type: dto.SessionListDto })
  list(
    @CurrentProject() project: Project,
    @Query() query: dto.ListSessionsQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<Page<dto.SessionDto>> {
    return this.sessions.list(project, query, caller);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get a session with its events' })
  @ApiOkResponse({ type: dto.SessionEventsDto })
  @ApiProblems(notFound)
  get(
    @CurrentProject() project: Project,
    @Param() { id }: dto.SessionParams,
    @Query() query: dto.SessionEventsQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<dto.SessionEventsDto> {
    return this.sessions.get(project, id, query, caller);
  }
}
