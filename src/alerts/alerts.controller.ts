// Routes of alerts.
import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Actor, CurrentActor } from '../audit';
import { CurrentProject, Idempotent, RequireScope } from '../auth';
import { notFound } from '../common/problem';
import { ApiProblems } from '../platform/http/api-problems';
import type { Project } from '../projects/projects.types';
import {
  AlertDto,
  AlertListDto,
  AlertParams,
  AlertSecretDto,
  AlertTestDto,
  CreateAlertDto,
  ListAlertsQuery,
  NewAlertDto,
  toAlertDto,
  toAlertTestDto,
  UpdateAlertDto,
} from './alerts.dto';
import { alertNameTaken, tooManyAlerts } from './alerts.errors';
import { AlertsService } from './alerts.service';

@ApiTags('alerts')
@Controller('alerts')
export class AlertsController {
  constructor(private readonly alerts: AlertsService) {}

  @Get()
  @RequireScope('stats:read')
  @ApiOperation({ summary: 'List alerts', description: 'Oldest first.' })
  @ApiOkResponse({ type: AlertListDto })
  async list(@CurrentProject() project: Project, @Query() query: ListAlertsQuery): Promise<AlertListDto> {
    const { data, page } = await this.alerts.list(project.id, query);
    return { data: data.map(toAlertDto), page };
  }

  @Post()
  @RequireScope('project:admin')
  @Idempotent()
  @ApiOperation({
    summary: 'Create an alert',
    description:
      'Each minute the figure of the window up to now is compared; the webhook is told when the alert begins to fire and when it ends. Requests are signed with `secret`, which is in this answer and nowhere else: `Millrace-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`. A project has at most 100.',
  })
  @ApiCreatedResponse({ type: NewAlertDto })
  @ApiProblems(alertNameTaken, tooManyAlerts)
  async create(
    @CurrentProject() project: Project,
    @Body() body: CreateAlertDto,
    @CurrentActor() actor: Actor,
  ): Promise<NewAlertDto> {
    const { alert, secret } = await this.alerts.create(project, body, actor);
    return { ...toAlertDto(alert), secret };
  }

  @Get(':id')
  @RequireScope('stats:read')
  @ApiOperation({ summary: 'Read an alert' })
  @ApiOkResponse({ type: AlertDto })
  @ApiProblems(notFound)
  async get(@CurrentProject() project: Project, @Param() { id }: AlertParams): Promise<AlertDto> {
    return toAlertDto(await this.alerts.get(project.id, id));
  }

  @Patch(':id')
  @RequireScope('project:admin')
  @ApiOperation({
    summary: 'Change an alert',
    description:
      'What is left out stays as it is; `filters` are replaced whole, null takes them away. Where it asks something else now, or is enabled or disabled, its state is `unknown` until it is checked.',
  })
  @ApiOkResponse({ type: AlertDto })
  @ApiProblems(alertNameTaken, notFound)
  async update(
    @CurrentProject() project: Project,
    @Param() { id }: AlertParams,
    @Body() body: UpdateAlertDto,
    @CurrentActor() actor: Actor,
  ): Promise<AlertDto> {
    return toAlertDto(await this.alerts.update(project, id, body, actor));
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireScope('project:admin')
  @ApiOperation({ summary: 'Delete an alert', description: 'Its deliveries go with it, those that wait too.' })
  @ApiNoContentResponse()
  @ApiProblems(notFound)
  async delete(
    @CurrentProject() project: Project,
    @Param() { id }: AlertParams,
    @CurrentActor() actor: Actor,
  ): Promise<void> {
    await this.alerts.delete(project.id, id, actor);
  }

  @Post(':id/secret')
  @HttpCode(200)
  @RequireScope('project:admin')
  @ApiOperation({
    summary: 'Give an alert a new secret',
    description:
      'It is in this answer and nowhere else. What is sent from now on is signed with it, deliveries that wait too.',
  })
  @ApiOkResponse({ type: AlertSecretDto })
  @ApiProblems(notFound)
  async rotateSecret(
    @CurrentProject() project: Project,
    @Param() { id }: AlertParams,
    @CurrentActor() actor: Actor,
  ): Promise<AlertSecretDto> {
    const { secret } = await this.alerts.rotateSecret(project, id, actor);
    return { secret };
  }

  @Post(':id/test')
  @HttpCode(200)
  @RequireScope('project:admin')
  @ApiOperation({
    summary: 'Test an alert',
    description:
      'Sends a message of the type `alert.test` now, once, and answers how that went after 10 seconds at most. It is not listed among the deliveries.',
  })
  @ApiOkResponse({ type: AlertTestDto })
  @ApiProblems(notFound)
  async test(@CurrentProject() project: Project, @Param() { id }: AlertParams): Promise<AlertTestDto> {
    return toAlertTestDto(await this.alerts.test(project, id));
  }
}
