// Routes of webhooks on their way.
import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentProject, RequireScope } from '../auth';
import { notFound } from '../common/problem';
import { ApiProblems } from '../platform/http/api-problems';
import type { Project } from '../projects/projects.types';
import { deliveryPending } from './alerts.errors';
import { DeliveryDto, DeliveryListDto, DeliveryParams, ListDeliveriesQuery, toDeliveryDto } from './deliveries.dto';
import { DeliveriesService } from './deliveries.service';

@ApiTags('alerts')
@Controller('webhooks/deliveries')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveriesService) {}

  @Get()
  @RequireScope('stats:read')
  @ApiOperation({
    summary: 'List webhook deliveries',
    description: 'Newest first. What is delivered or dead is kept for 30 days.',
  })
  @ApiOkResponse({ type: DeliveryListDto })
  async list(@CurrentProject() project: Project, @Query() query: ListDeliveriesQuery): Promise<DeliveryListDto> {
    const { data, page } = await this.deliveries.list(project.id, query);
    return { data: data.map(toDeliveryDto), page };
  }

  @Post(':id/replay')
  @HttpCode(200)
  @RequireScope('project:admin')
  @ApiOperation({
    summary: 'Replay a webhook delivery',
    description:
      'Sends one that is dead or was delivered again, with its id and body, to the URL that its alert has now. It has all of its tries again.',
  })
  @ApiOkResponse({ type: DeliveryDto })
  @ApiProblems(deliveryPending, notFound)
  async replay(@CurrentProject() project: Project, @Param() { id }: DeliveryParams): Promise<DeliveryDto> {
    return toDeliveryDto(await this.deliveries.replay(project.id, id));
  }
}
