// Where do events come in? Two routes that read their own bodies: single events and batches, as JSON or NDJSON.
import { applyDecorators, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CurrentKey, CurrentProject, FromBrowser, RequireScope } from '../../auth/decorators';
import type { RequestKey } from '../../auth/auth.types';
import { bodyTooLarge, type FieldError, invalidInput, unreadableBody, unsupportedMedia } from '../../common/problem';
import { ApiProblems } from '../../platform/http/api-problems';
import type { Project } from '../../projects/projects.types';
import { eventBatchSchema, eventSchema, inputLimits } from '../event-input';
import { type EventList, readBatch, readSingle, tooManyEvents } from './body';
import { IngestAnswerDto } from './ingest.dto';
import { IngestService } from './ingest.service';
import { spoolFull } from './spool';

/** What may stand in the address. Read here, not by the pipe: this is the path of every event.
 *  TRICKY: `key` is the guard's to read; a page's beacon can set no header. */
function readDryRun(query: unknown): boolean {
  const { dryRun, key: _key, ...rest } = query as Record<string, string>;
  const errors: FieldError[] = Object.keys(rest).map((path) => ({
    path,
    code: 'unknown_field',
    message: 'is not a parameter here',
  }));
  if (dryRun !== undefined && dryRun !== 'true' && dryRun !== 'false')
    errors.push({ path: 'dryRun', code: 'not_a_boolean', message: 'must be true or false' });
  if (errors.length > 0) throw invalidInput({ errors });
  return dryRun === 'true';
}

const ApiIngestQuery = (): MethodDecorator =>
  applyDecorators(
    ApiQuery({
      name: 'dryRun',
      required: false,
      schema: { type: 'boolean' },
      description: 'Check and describe the events, keep nothing',
    }),
    ApiQuery({
      name: 'key',
      required: false,
      schema: { type: 'string' },
      description:
        'A `pub` key, where the sender can set no header (`navigator.sendBeacon`). No other kind is read from here.',
    }),
  );

/** Documents both answers; beside each route, as those of a controller give way to a route's default. */
const ApiIngestAnswers = () =>
  applyDecorators(
    ApiResponse({ status: 200, type: IngestAnswerDto, description: 'Every accepted event is stored and readable now' }),
    ApiResponse({
      status: 202,
      type: IngestAnswerDto,
      description: 'Every accepted event is safe on disk and becomes readable when the warehouse is back',
    }),
  );

@ApiTags('events')
@ApiProblems(invalidInput, unreadableBody, bodyTooLarge, unsupportedMedia, spoolFull)
@Controller('events')
export class IngestController {
  constructor(private readonly ingest: IngestService) {}

  @Post()
  @HttpCode(200)
  @FromBrowser()
  @RequireScope('events:write')
  @RouteConfig({ rawBodyBytes: inputLimits.bytesPerRequest })
  @ApiOperation({
    summary: 'Send one event',
    description:
      'The body is the event, as JSON; `text/plain` is taken too, as `sendBeacon` sends it. May be gzip or deflate.',
  })
  @ApiConsumes('application/json', 'text/plain')
  @ApiBody({ schema: eventSchema as object })
  @ApiIngestQuery()
  @ApiIngestAnswers()
  async one(
    @CurrentProject() project: Project,
    @CurrentKey() key: RequestKey,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<IngestAnswerDto> {
    return this.#answer(project, key, request, reply, readSingle(bytesOf(request)));
  }

  @Post('batch')
  @HttpCode(200)
  @FromBrowser()
  @RequireScope('events:write')
  @RouteConfig({ rawBodyBytes: inputLimits.bytesPerRequest })
  @ApiOperation({
    summary: 'Send many events',
    description: `At most ${inputLimits.eventsPerRequest} events and 10 MB after decoding. One event that is refused never costs the others.`,
  })
  @ApiConsumes('application/json', 'text/plain', 'application/x-ndjson')
  @ApiIngestQuery()
  @ApiIngestAnswers()
  @ApiBody({
    description: '`{ sentAt?, events }` as JSON, or one event a line as `application/x-ndjson`.',
    schema: eventBatchSchema as object,
  })
  @ApiProblems(tooManyEvents)
  async batch(
    @CurrentProject() project: Project,
    @CurrentKey() key: RequestKey,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<IngestAnswerDto> {
    const ndjson = /^application\/x-ndjson\b/i.test(request.headers['content-type'] ?? '');
    return this.#answer(project, key, request, reply, await readBatch(bytesOf(request), ndjson));
  }

  async #answer(
    project: Project,
    key: RequestKey,
    request: FastifyRequest,
    reply: FastifyReply,
    list: EventList,
  ): Promise<IngestAnswerDto> {
    const { answer, where } = await this.ingest.ingest({
      project,
      trusted: key.kind !== 'pub',
      address: request.ip,
      userAgent: request.headers['user-agent'] ?? '',
      list,
      bytes: bytesOf(request).length,
      dryRun: readDryRun(request.query),
    });
    if (where === 'spooled') reply.status(202);
    return answer;
  }
}

const bytesOf = (request: FastifyRequest): Buffer => {
  if (!Buffer.isBuffer(request.body)) throw unreadableBody({ detail: 'There is no body.' });
  return request.body;
};
