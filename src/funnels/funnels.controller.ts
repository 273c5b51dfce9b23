// Routes of saved funnels.
import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Actor, CurrentActor } from '../audit';
import { CurrentProject, Idempotent, RequireScope } from '../auth';
import { notFound } from '../common/problem';
import { ApiProblems } from '../platform/http/api-problems';
import type { Project } from '../projects/projects.types';
import * as dto from './funnels.dto';
import { funnelNameTaken, tooManyFunnels } from './funnels.errors';
import { FunnelsService } from './funnels.service';

@ApiTags('funnels')
@Controller('funnels')
export class FunnelsController {
  constructor(private readonly funnels: FunnelsService) {}

  @Post()
  @RequireScope('funnels:write')
  @Idempotent()
  @ApiOperation({
    summary: 'Create a funnel',
    description:
      'Each step, and each exclusion, looks for exactly one of `event`, `page` and `goal`. At most 500 a project.',
  })
  @ApiCreatedResponse({ type: dto.FunnelDto })
  @ApiProblems(funnelNameTaken, tooManyFunnels)
  async create(
    @CurrentProject() project: Project,
    @Body() body: dto.CreateFunnelDto,
    @CurrentActor() actor: Actor,
  ): Promise<dto.FunnelDto> {
    return dto.toFunnelDto(await this.funnels.create(project.id, body, actor));
  }

  @Get()
  @RequireScope('stats:read')
  @ApiOperation({ summary: 'List funnels', description: 'Oldest first, each as its last revision has it.' })
  @ApiOkResponse({ type: dto.FunnelListDto })
  async list(@CurrentProject() project: Project, @Query() query: dto.ListFunnelsQuery): Promise<dto.FunnelListDto> {
    const { data, page } = await this.funnels.list(project.id, query);
    return { data: data.map(dto.toFunnelDto), page };
  }

  @Get(':id')
  @RequireScope('stats:read')
  @ApiOperation({ summary: 'Read a funnel' })
  @ApiOkResponse({ type: dto.FunnelDto })
  @ApiProblems(notFound)
  async get(@CurrentProject() project: Project, @Param() { id }: dto.FunnelParams): Promise<dto.FunnelDto> {
    return dto.toFunnelDto(await this.funnels.get(project.id, id));
  }

  @Patch(':id')
  @RequireScope('funnels:write')
  @ApiOperation({
    summary: 'Change a funnel',
    description:
      'What is left out stays as it is. Where it looks for something else afterwards it has a new revision; the old ones can still be asked.',
  })
  @ApiOkResponse({ type: dto.FunnelDto })
  @ApiProblems(notFound, funnelNameTaken)
  async update(
    @CurrentProject() project: Project,
    @Param() { id }: dto.FunnelParams,
    @Body() body: dto.UpdateFunnelDto,
    @CurrentActor() actor: Actor,
  ): Promise<dto.FunnelDto> {
    return dto.toFunnelDto(await this.funnels.update(project.id, id, body, actor));
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireScope('funnels:write')
  @ApiOperation({ summary: 'Delete a funnel', description: 'With all of its revisions. Events stay.' })
  @ApiNoContentResponse()
  @ApiProblems(notFound)
  async remove(
    @CurrentProject() project: Project,
    @Param() { id }: dto.FunnelParams,
    @CurrentActor() actor: Actor,
  ): Promise<void> {
    await this.funnels.remove(project.id, id, actor);
  }

  @Get(':id/revisions')
  @RequireScope('stats:read')
  @ApiOperation({
    summary: 'List what a funnel looked for',
    description: 'Oldest first. Each can be asked for by its number.',
  })
  @ApiOkResponse({ type: dto.FunnelRevisionListDto })
  @ApiProblems(notFound)
  async revisions(
    @CurrentProject() project: Project,
    @Param() { id }: dto.FunnelParams,
    @Query() query: dto.ListFunnelsQuery,
  ): Promise<dto.FunnelRevisionListDto> {
    const { data, page } = await this.funnels.revisions(project.id, id, query);
    return { data: data.map(dto.toRevisionDto), page };
  }
}
