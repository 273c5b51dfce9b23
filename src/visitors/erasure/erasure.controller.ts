// Routes by which somebody is forgotten, or told what is held of them.
import { Controller, Delete, HttpCode, Param, Post, Res, StreamableFile } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type Actor, CurrentActor } from '../../audit';
import { CurrentProject, RequireScope } from '../../auth';
import { notFound } from '../../common/problem';
import { ApiProblems } from '../../platform/http/api-problems';
import { type Caller, CurrentCaller } from '../../platform/http/caller';
import { AcceptedJobDto, toJobDto } from '../../projects';
import type { Project } from '../../projects/projects.types';
import { VisitorParams } from '../visitors.dto';
import { ErasureService } from './erasure.service';
import { ExportService } from './export.service';

@ApiTags('visitors')
@Controller('visitors')
export class ErasureController {
  constructor(
    private readonly erasure: ErasureService,
    private readonly exports: ExportService,
  ) {}

  @Delete(':id')
  @HttpCode(202)
  @RequireScope('visitors:erase')
  @ApiOperation({
    summary: 'Erase a visitor',
    description:
      'Everything of the person that the hash stands for: of a user, every visitor whose past is the user’s. From `progress` 0.25 on nothing is found of what was stored, from 0.5 on nothing at all; when the job is done no row of any of these hashes is left on the disk. Events from before that come again later are left out (`erased_visitor`); what happens afterwards counts as a new visitor’s.',
  })
  @ApiAcceptedResponse({ type: AcceptedJobDto })
  @ApiProblems(notFound)
  async erase(
    @CurrentProject() project: Project,
    @Param() { id }: VisitorParams,
    @CurrentActor() actor: Actor,
    @CurrentCaller() caller: Caller,
  ): Promise<AcceptedJobDto> {
    return { job: toJobDto(await this.erasure.erase(project, id, actor, caller)) };
  }

  @Post(':id/export')
  @HttpCode(200)
  @RequireScope('visitors:erase')
  @ApiOperation({
    summary: 'Export a visitor',
    description:
      'All that is held of the person that the hash stands for, one JSON object a line, each with its `type`: `profile`, `link`, `traits`, `session`, `event`, `rejected`. That it was asked for is in the audit log.',
  })
  @ApiProduces('application/x-ndjson')
  @ApiResponse({ status: 200, schema: { type: 'string' }, description: 'The file' })
  @ApiProblems(notFound)
  async export(
    @CurrentProject() project: Project,
    @Param() { id }: VisitorParams,
    @CurrentActor() actor: Actor,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const lines = await this.exports.export(project, id, actor, caller);
    void reply.header('cache-control', 'no-store');
    return new StreamableFile(lines, {
      type: 'application/x-ndjson',
      disposition: `attachment; filename="visitor-${id}.ndjson"`,
    });
  }
}
