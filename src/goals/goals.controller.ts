// Routes of goals.
import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Actor, CurrentActor } from '../audit';
import { CurrentProject, Idempotent, RequireScope } from '../auth';
import { notFound } from '../common/problem';
import { ApiProblems } from '../platform/http/api-problems';
import type { Project } from '../projects/projects.types';
import { CreateGoalDto, GoalDto, GoalListDto, GoalParams, ListGoalsQuery, toGoalDto, UpdateGoalDto } from './goals.dto';
import { goalNameTaken, tooManyGoals } from './goals.errors';
import { GoalsService } from './goals.service';

@ApiTags('goals')
@Controller('goals')
export class GoalsController {
  constructor(private readonly goals: GoalsService) {}

  @Get()
  @RequireScope('stats:read')
  @ApiOperation({ summary: 'List goals', description: 'Oldest first.' })
  @ApiOkResponse({ type: GoalListDto })
  async list(@CurrentProject() project: Project, @Query() query: ListGoalsQuery): Promise<GoalListDto> {
    const { data, page } = await this.goals.list(project.id, query);
    return { data: data.map(toGoalDto), page };
  }

  @Post()
  @RequireScope('funnels:write')
  @Idempotent()
  @ApiOperation({
    summary: 'Create a goal',
    description:
      'An event, or a page by its path, that visitors are wanted to reach. Nothing is counted ahead: it is looked for when somebody asks, in what happened before it was made too. A project has at most 200.',
  })
  @ApiCreatedResponse({ type: GoalDto })
  @ApiProblems(goalNameTaken, tooManyGoals)
  async create(
    @CurrentProject() project: Project,
    @Body() body: CreateGoalDto,
    @CurrentActor() actor: Actor,
  ): Promise<GoalDto> {
    return toGoalDto(await this.goals.create(project.id, body, actor));
  }

  @Get(':id')
  @RequireScope('stats:read')
  @ApiOperation({ summary: 'Read a goal' })
  @ApiOkResponse({ type: GoalDto })
  @ApiProblems(notFound)
  async get(@CurrentProject() project: Project, @Param() { id }: GoalParams): Promise<GoalDto> {
    return toGoalDto(await this.goals.get(project.id, id));
  }

  @Patch(':id')
  @RequireScope('funnels:write')
  @ApiOperation({
    summary: 'Change a goal',
    description:
      'What is left out stays as it is; null takes it away, as in `{ "event": null, "page": "/thanks" }`. `filters` and `value` are replaced whole. The change holds for the past at once.',
  })
  @ApiOkResponse({ type: GoalDto })
  @ApiProblems(goalNameTaken, notFound)
  async update(
    @CurrentProject() project: Project,
    @Param() { id }: GoalParams,
    @Body() body: UpdateGoalDto,
    @CurrentActor() actor: Actor,
  ): Promise<GoalDto> {
    return toGoalDto(await this.goals.update(project.id, id, body, actor));
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireScope('funnels:write')
  @ApiOperation({ summary: 'Delete a goal', description: 'The events that reached it stay.' })
  @ApiNoContentResponse()
  @ApiProblems(notFound)
  async delete(
    @CurrentProject() project: Project,
    @Param() { id }: GoalParams,
    @CurrentActor() actor: Actor,
  ): Promise<void> {
    await this.goals.delete(project.id, id, actor);
  }
}
