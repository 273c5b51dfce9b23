// Routes of projects.
import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req } from '@nestjs/common';
import { ApiAcceptedResponse, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { type Actor, CurrentActor } from '../audit';
import {
  CurrentKey,
  CurrentProject,
  Idempotent,
  RequireScopeOn,
  RequireScopeOrRoot,
  RootOnly,
  type RequestKey,
} from '../auth';
import { AcceptedJobDto, toJobDto } from './jobs.dto';
import {
  CreateProjectDto,
  ListProjectsQuery,
  NewProjectDto,
  ProjectDto,
  ProjectListDto,
  ProjectParams,
  toProjectDto,
  UpdateProjectDto,
  UsageDto,
  UsageQuery,
} from './projects.dto';
import { ProjectsService } from './projects.service';
import type { Project } from './projects.types';
import { UsageRecorder } from './usage';

@ApiTags('projects')
@Controller('projects')
export class ProjectsController {
  constructor(
    private readonly projects: ProjectsService,
    private readonly usage: UsageRecorder,
  ) {}

  @Post()
  @RootOnly()
  @Idempotent()
  @ApiOperation({
    summary: 'Create a project',
    description: 'It comes with one key of each kind; their texts are in this answer and nowhere else.',
  })
  @ApiCreatedResponse({ type: NewProjectDto })
  async create(@Body() body: CreateProjectDto, @CurrentActor() actor: Actor): Promise<NewProjectDto> {
    const { project, keys } = await this.projects.create(body, actor);
    return { project: toProjectDto(project), keys };
  }

  @Get()
  @RequireScopeOrRoot('project:admin')
  @ApiOperation({ summary: 'List projects', description: 'Oldest first. An `adm` key sees its own.' })
  @ApiOkResponse({ type: ProjectListDto })
  async list(
    @CurrentKey() key: RequestKey,
    @Req() request: FastifyRequest,
    @Query() query: ListProjectsQuery,
  ): Promise<ProjectListDto> {
    const { data, page } = await this.projects.list(key, request.auth?.project, query);
    return { data: data.map(toProjectDto), page };
  }

  @Get(':id')
  @RequireScopeOn('id', 'project:admin')
  @ApiOperation({ summary: 'Read a project' })
  @ApiOkResponse({ type: ProjectDto })
  get(@Param() _params: ProjectParams, @CurrentProject() project: Project): ProjectDto {
    return toProjectDto(project);
  }

  @Patch(':id')
  @RequireScopeOn('id', 'project:admin')
  @ApiOperation({ summary: 'Change a project', description: 'What is left out stays as it is, settings one by one.' })
  @ApiOkResponse({ type: ProjectDto })
  async update(
    @Param() _params: ProjectParams,
    @CurrentProject() project: Project,
    @Body() body: UpdateProjectDto,
    @CurrentActor() actor: Actor,
  ): Promise<ProjectDto> {
    return toProjectDto(await this.projects.update(project.id, body, actor));
  }

  @Delete(':id')
  @HttpCode(202)
  @RequireScopeOn('id', 'project:admin')
  @ApiOperation({
    summary: 'Delete a project',
    description: 'It and its keys are gone at once; all of its data is gone when the job is done.',
  })
  @ApiAcceptedResponse({ type: AcceptedJobDto })
  async delete(
    @Param() _params: ProjectParams,
    @CurrentProject() project: Project,
    @CurrentActor() actor: Actor,
  ): Promise<AcceptedJobDto> {
    return { job: toJobDto(await this.projects.delete(project.id, actor)) };
  }

  @Get(':id/usage')
  @RequireScopeOn('id', 'project:admin')
  @ApiOperation({ summary: 'Read what a project sent', description: 'Per UTC day, a second or so behind.' })
  @ApiOkResponse({ type: UsageDto })
  async getUsage(
    @Param() _params: ProjectParams,
    @CurrentProject() project: Project,
    @Query() { from, to }: UsageQuery,
  ): Promise<UsageDto> {
    return { data: await this.usage.days(project.id, from, to) };
  }
}
