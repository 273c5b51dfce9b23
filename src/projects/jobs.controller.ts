// Route of jobs.
import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { RequestKey } from '../auth/auth.types';
import { CurrentKey, RequireScopeOrRoot } from '../auth/decorators';
import { notFound } from '../common/problem';
import { JobsService } from '../platform/queue/jobs.service';
import { JobDto, JobParams, toJobDto } from './jobs.dto';

@ApiTags('jobs')
@Controller('jobs')
export class JobsController {
  constructor(private readonly jobs: JobsService) {}

  @Get(':id')
  @RequireScopeOrRoot('project:admin')
  @ApiOperation({
    summary: 'Ask how far a job is',
    description: 'A project’s key sees the jobs of its project; root sees all, also those of projects that are gone.',
  })
  @ApiOkResponse({ type: JobDto })
  async get(@CurrentKey() key: RequestKey, @Param() { id }: JobParams): Promise<JobDto> {
    const job = await this.jobs.find(id, key.projectId);
    if (job === undefined) throw notFound();
    return toJobDto(job);
  }
}
