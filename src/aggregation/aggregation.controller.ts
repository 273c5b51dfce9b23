// Routes of derived figures: how far they are, have them derived anew, have them checked.
import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Actor, CurrentActor } from '../audit';
import { CurrentProject, RequireScopeOn } from '../auth';
import { AcceptedJobDto, toJobDto, type Project } from '../projects';
import { BackfillDto, RollupParams, RollupsDto, toRollupsDto } from './aggregation.dto';
import { AggregationService } from './aggregation.service';
import { BackfillService } from './backfill/backfill.service';
import { VerifyService } from './verify/verify.service';

@ApiTags('projects')
@Controller('projects/:id')
export class AggregationController {
  constructor(
    private readonly aggregation: AggregationService,
    private readonly backfills: BackfillService,
    private readonly verification: VerifyService,
  ) {}

  @Get('rollups')
  @RequireScopeOn('id', 'project:admin')
  @ApiOperation({
    summary: 'Ask how far a project is derived',
    description: 'Answers are right whatever this says: what is not derived yet is read from the events themselves.',
  })
  @ApiOkResponse({ type: RollupsDto })
  async rollups(@Param() _params: RollupParams, @CurrentProject() project: Project): Promise<RollupsDto> {
    return toRollupsDto(await this.aggregation.status(project));
  }

  @Post('backfill')
  @HttpCode(202)
  @RequireScopeOn('id', 'project:admin')
  @ApiOperation({
    summary: 'Derive a project’s history anew',
    description:
      'Never needed for right answers: history is derived by itself. The job’s result counts days; charts and ingestion go on meanwhile.',
  })
  @ApiAcceptedResponse({ type: AcceptedJobDto })
  async backfill(
    @Param() _params: RollupParams,
    @CurrentProject() project: Project,
    @Body() body: BackfillDto,
    @CurrentActor() actor: Actor,
  ): Promise<AcceptedJobDto> {
    return { job: toJobDto(await this.backfills.start(project, body, actor)) };
  }

  @Post('verify')
  @HttpCode(202)
  @RequireScopeOn('id', 'project:admin')
  @ApiOperation({
    summary: 'Compare all that is derived of a project with its events',
    description: 'What differs is derived again; the job’s result counts what was right, wrong and repaired.',
  })
  @ApiAcceptedResponse({ type: AcceptedJobDto })
  async verify(
    @Param() _params: RollupParams,
    @CurrentProject() project: Project,
    @CurrentActor() actor: Actor,
  ): Promise<AcceptedJobDto> {
    return { job: toJobDto(await this.verification.start(project, actor)) };
  }
}
