// Which routes answer about visitors? All under /visitors; those that read need a key with `events:read`.
import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentKey, CurrentProject, Idempotent, type RequestKey, RequireScope } from '../auth';
import type { Page } from '../common/cursor';
import { forbidden, notFound, queryTooLarge } from '../common/problem';
import { type EventDto, EventListDto } from '../events';
import { ApiProblems } from '../platform/http/api-problems';
import { type Caller, CurrentCaller } from '../platform/http/caller';
import type { Project } from '../projects/projects.types';
import { DirectoryService } from './directory/directory.service';
import { ProfileService } from './profile/profile.service';
import { type SessionDto, SessionListDto } from './sessions/sessions.dto';
import { IdentifiedDto, IdentifyDto } from './traits/identify.dto';
import { IdentifyService } from './traits/identify.service';
import * as dto from './visitors.dto';

@ApiTags('visitors')
@Controller('visitors')
export class VisitorsController {
  constructor(
    private readonly directory: DirectoryService,
    private readonly profiles: ProfileService,
    private readonly identities: IdentifyService,
  ) {}

  @Get()
  @RequireScope('events:read')
  @ApiOperation({
    summary: 'List visitors',
    description:
      'Visitors with a selected event in the range; without `period`, or `from` and `to`, that is all time. A walk by cursor sees the events that had arrived when it began: it skips none and repeats none while others arrive.',
  })
  @ApiOkResponse({ type: dto.VisitorListDto })
  @ApiProblems(queryTooLarge)
  list(
    @CurrentProject() project: Project,
    @Query() query: dto.ListVisitorsQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<Page<dto.VisitorDto>> {
    return this.directory.list(project, query, caller);
  }

  @Post('identify')
  @HttpCode(200)
  @RequireScope('events:write')
  @Idempotent({ personal: true })
  @ApiOperation({
    summary: 'Say who a user is',
    description:
      'Sets traits, adds to them, and sets those that are not there yet; all of it in one step, so that no two requests at once lose a change. With `visitorId` it also links that visitor to the user, for its past too. A `pub` key may not: what it says, anybody on the page could say of anybody.',
  })
  @ApiOkResponse({ type: IdentifiedDto })
  identify(
    @CurrentProject() project: Project,
    @CurrentKey() key: RequestKey,
    @Body() body: IdentifyDto,
  ): Promise<IdentifiedDto> {
    if (key.kind === 'pub') throw forbidden({ detail: 'A pub key may not say who a user is.' });
    return this.identities.identify(project, body);
  }

  @Get(':id')
  @RequireScope('events:read')
  @ApiOperation({ summary: 'Get a visitor', description: 'All that is kept, whatever the range of a list.' })
  @ApiOkResponse({ type: dto.VisitorProfileDto })
  @ApiProblems(notFound, queryTooLarge)
  get(
    @CurrentProject() project: Project,
    @Param() { id }: dto.VisitorParams,
    @CurrentCaller() caller: Caller,
  ): Promise<dto.VisitorProfileDto> {
    return this.profiles.get(project, id, caller);
  }

  @Get(':id/events')
  @RequireScope('events:read')
  @ApiOperation({ summary: 'List the events of a visitor' })
  @ApiOkResponse({ type: EventListDto })
  @ApiProblems(notFound, queryTooLarge)
  events(
    @CurrentProject() project: Project,
    @Param() { id }: dto.VisitorParams,
    @Query() query: dto.VisitorEventsQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<Page<EventDto>> {
    return this.profiles.timeline(project, id, query, caller);
  }

  @Get(':id/sessions')
  @RequireScope('events:read')
  @ApiOperation({ summary: 'List the sessions of a visitor', description: 'Newest first.' })
  @ApiOkResponse({ type: SessionListDto })
  @ApiProblems(notFound, queryTooLarge)
  sessions(
    @CurrentProject() project: Project,
    @Param() { id }: dto.VisitorParams,
    @Query() query: dto.VisitorSessionsQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<Page<SessionDto>> {
    return this.profiles.sessions(project, id, query, caller);
  }
}
