// Which routes answer about now? A snapshot, the stream, and tickets for pages that open one.
import { Controller, Get, Headers, Post, Query, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiCreatedResponse, ApiExtraModels, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ByTicket, CurrentKey, CurrentProject, type RequestKey, RequireScope } from '../auth';
import { queryTooLarge } from '../common/problem';
import { ApiProblems } from '../platform/http/api-problems';
import { type Caller, CurrentCaller } from '../platform/http/caller';
import type { Project } from '../projects/projects.types';
import * as dto from './realtime.dto';
import { tooManyStreams } from './realtime.errors';
import { streamResponse } from './realtime.stream-doc';
import { SnapshotService } from './snapshot/snapshot.service';
import { StreamsService } from './stream/streams.service';
import { TicketsService } from './tickets/tickets.service';

@ApiTags('realtime')
@Controller('realtime')
export class RealtimeController {
  constructor(
    private readonly snapshots: SnapshotService,
    private readonly streams: StreamsService,
    private readonly tickets: TicketsService,
  ) {}

  @Get()
  @RequireScope('stats:read')
  @ApiOperation({
    summary: 'Who is there now',
    description:
      'The last half hour, exact: every event that was answered 200 is in it. Nothing is kept from earlier answers.',
  })
  @ApiOkResponse({ type: dto.RealtimeDto })
  @ApiProblems(queryTooLarge)
  get(
    @CurrentProject() project: Project,
    @Query() { filters }: dto.RealtimeQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<dto.RealtimeDto> {
    return this.snapshots.ask(project, filters, caller);
  }

  @Get('stream')
  @RouteConfig({ admission: 'free' })
  @RequireScope('stats:read')
  @ByTicket()
  @ApiOperation({
    summary: 'Watch events as they come',
    description:
      'Server-sent events. First a `snapshot`, or, with `Last-Event-ID`, what was missed; then each event within a second of its 200, figures when they change, and a heartbeat each 15 seconds. A `sec`, `adm` or root key comes in a header, a ticket of `POST /realtime/tickets` in the address; a key in the address is refused.',
  })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'Id of the last message that was read: the stream goes on after it',
  })
  @ApiExtraModels(
    dto.LiveEventDto,
    dto.LiveStatsDto,
    dto.LiveGapDto,
    dto.LiveDroppedDto,
    dto.LiveHeartbeatDto,
    dto.LiveByeDto,
  )
  @ApiOkResponse(streamResponse)
  @ApiProblems(tooManyStreams, queryTooLarge)
  stream(
    @CurrentProject() project: Project,
    @CurrentKey() key: RequestKey,
    @Query() { names, fields, lastEventId }: dto.StreamQuery,
    @Headers('last-event-id') header: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const last = header ?? lastEventId;
    const choice = { ...(names === undefined ? {} : { names }), ...(fields === undefined ? {} : { fields }) };
    const asked = { project, key, choice, ...(last === undefined ? {} : { lastEventId: last }) };
    return this.streams.open(asked, request, reply);
  }

  @Post('tickets')
  @RequireScope('stats:read')
  @ApiOperation({
    summary: 'Make a ticket for a stream',
    description:
      'For a browser’s `EventSource`, which can send no header: make one on your server, give it to the page, and open `GET /realtime/stream?ticket=…` within a minute. It works once, from the project’s `allowedOrigins` (any, where none are listed). The stream ends when the key that made it is revoked.',
  })
  @ApiCreatedResponse({ type: dto.TicketDto })
  ticket(@CurrentProject() project: Project, @CurrentKey() key: RequestKey): Promise<dto.TicketDto> {
    return this.tickets.make(project, key);
  }
}
