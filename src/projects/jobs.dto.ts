// What does a client see of a job?
import { ApiProperty } from '@nestjs/swagger';
import { UuidField } from '../common/validation/fields';
import type { JobRecord, JobState } from '../platform/queue/jobs.types';

/** Which job. */
export class JobParams {
  @UuidField({ description: 'The job' })
  id!: string;
}

/** A job. */
export class JobDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ example: 'project.erase' })
  kind!: string;

  @ApiProperty({ enum: ['queued', 'running', 'completed', 'failed'] })
  state!: JobState;

  @ApiProperty({ minimum: 0, maximum: 1 })
  progress!: number;

  @ApiProperty({ type: 'string', nullable: true, description: 'Why it failed' })
  error!: string | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'number' },
    nullable: true,
    description: 'What it found out, so far; jobs that only do something have none',
    example: { days: 365, done: 120 },
  })
  result!: Readonly<Record<string, number>> | null;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  finishedAt!: string | null;
}

/** The answer to a request whose work goes on after it. */
export class AcceptedJobDto {
  @ApiProperty({ type: JobDto })
  job!: JobDto;
}

/** A job as it is shown. */
export const toJobDto = (job: JobRecord): JobDto => ({
  id: job.id,
  kind: job.kind,
  state: job.state,
  progress: job.progress,
  error: job.error,
  result: job.result,
  createdAt: new Date(job.createdAt).toISOString(),
  finishedAt: job.finishedAt === null ? null : new Date(job.finishedAt).toISOString(),
});
