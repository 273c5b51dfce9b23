// Which routes read events? All under /events; each needs a key with `events:read`.
import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Page } from '../../common/cursor';
import { notFound, queryTooLarge } from '../../common/problem';
import { UuidField } from '../../common/validation/fields';
import { CurrentProject, RequireScope } from '../../auth/decorators';
import { ApiProblems } from '../../platform/http/api-problems';
import type { Project } from '../../projects/projects.types';
import { type Caller, CurrentCaller } from '../../platform/http/caller';
import { EventDto } from './event.dto';
import * as dto from './events-read.dto';
import { EventsReadService } from './events-read.service';
import { EXPORT_TYPES, sendExport } from './send-export';

class EventParams {
  @UuidField({ description: 'Id of an event' })
  id!: string;
}

@ApiTags('events')
@Controller('events')
@RequireScope('events:read')
@ApiProblems(queryTooLarge)
export class EventsReadController {
  constructor(private readonly events: EventsReadService) {}

  @Get()
  @ApiOperation({
    summary: 'List events',
    description:
      'Single events by time; without a range, of all time. A walk by cursor neither skips nor repeats an event.',
  })
  @ApiOkResponse({ type: dto.EventListDto })
  list(
    @CurrentProject() project: Project,
    @Query() query: dto.ListEventsQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<Page<EventDto>> {
    return this.events.list(project, query, caller);
  }

  @Get('summary')
  @ApiOperation({ summary: 'Names of events, with counts, visitors, first and last seen' })
  @ApiOkResponse({ type: dto.EventSummaryListDto })
  summary(
    @CurrentProject() project: Project,
    @Query() query: dto.EventSummaryQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<Page<dto.EventSummaryDto>> {
    return this.events.summary(project, query, caller);
  }

  @Get('timeseries')
  @ApiOperation({
    summary: 'Count events by name over time',
    description: '`period`, or `from` and `to`, is required.',
  })
  @ApiOkResponse({ type: dto.EventTimeseriesDto })
  timeseries(
    @CurrentProject() project: Project,
    @Query() query: dto.EventTimeseriesQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<dto.EventTimeseriesDto> {
    return this.events.timeseries(project, query, caller);
  }

  @Get('properties')
  @ApiOperation({ summary: 'List keys of properties, with the types seen' })
  @ApiOkResponse({ type: dto.PropertyKeyListDto })
  propertyKeys(
    @CurrentProject() project: Project,
    @Query() query: dto.PropertyKeysQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<Page<dto.PropertyKeyDto>> {
    return this.events.propertyKeys(project, query, caller);
  }

  @Get('properties/:key/values')
  @ApiOperation({ summary: 'List the most frequent values of a property' })
  @ApiOkResponse({ type: dto.PropertyValueListDto })
  propertyValues(
    @CurrentProject() project: Project,
    @Param() { key }: dto.PropertyKeyParams,
    @Query() query: dto.PropertyValuesQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<Page<dto.PropertyValueDto>> {
    return this.events.propertyValues(project, key, query, caller);
  }

  @Get('rejected')
  @ApiOperation({ summary: 'List events that were refused in the last seven days' })
  @ApiOkResponse({ type: dto.RejectedEventListDto })
  rejected(
    @CurrentProject() project: Project,
    @Query() query: dto.ListRejectedQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<Page<dto.RejectedEventDto>> {
    return this.events.rejected(project, query, caller);
  }

  @Get('export')
  @ApiOperation({
    summary: 'Export events as a file',
    description:
      'Streamed as the warehouse reads, in no particular order. NDJSON lines have the shape of listed events; CSV and Parquet have a column a field. A CSV text that a table program would run as a formula has an apostrophe in front. A failure on the way breaks the connection.',
  })
  @ApiOkResponse({
    description: 'The file; NDJSON and CSV as gzip where that is accepted',
    content: Object.fromEntries(
      Object.values(EXPORT_TYPES).map((type) => [type, { schema: { type: 'string', format: 'binary' } }]),
    ),
  })
  async export(
    @CurrentProject() project: Project,
    @Query() query: dto.ExportEventsQuery,
    @CurrentCaller() caller: Caller,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    sendExport(request, reply, query.format, await this.events.export(project, query, caller));
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get an event' })
  @ApiOkResponse({ type: EventDto })
  @ApiProblems(notFound)
  get(
    @CurrentProject() project: Project,
    @Param() { id }: EventParams,
    @CurrentCaller() caller: Caller,
  ): Promise<EventDto> {
    return this.events.get(project, id, caller);
  }
}
