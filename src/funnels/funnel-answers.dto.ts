// What are the answers about funnels?
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { MoneyDto, PageDto, StatsMetaDto } from '../stats';

const rate = { minimum: 0, maximum: 1 } as const;

export class HistogramBucketDto {
  @ApiProperty({ description: 'Seconds, inclusive', example: 60 }) from!: number;
  @ApiProperty({ description: 'Seconds, exclusive', example: 120 }) to!: number;
  @ApiProperty({ type: 'integer', example: 31 }) count!: number;
}

/** How long attempts took, seconds. */
export class StepTimesDto {
  @ApiProperty({ example: 95.4 }) median!: number;
  @ApiProperty({ example: 310 }) p75!: number;
  @ApiProperty({ example: 1_204.25 }) p90!: number;
  @ApiProperty({ type: [HistogramBucketDto], description: 'Attempts by their time; only buckets that hold some' })
  histogram!: HistogramBucketDto[];
}

const times = (from: string) =>
  ({
    type: StepTimesDto,
    nullable: true,
    description: `Seconds from ${from}; null for the first step, and where nobody came`,
  }) as const;

/** Figures of a step. In mode `any`, of so many steps done. */
export class FunnelStepDto {
  @ApiProperty({ description: 'In mode `any`: `1 of 3`, `2 of 3` …', example: 'signup' }) name!: string;
  @ApiProperty({ type: 'integer', description: 'Units whose attempt holds this step', example: 812 }) count!: number;
  @ApiProperty({ ...rate, description: 'Of those that started', example: 0.64 }) conversionFromFirst!: number;
  @ApiProperty({ ...rate, description: 'Of those at the nearest earlier step that is not optional', example: 0.8 })
  conversionFromPrevious!: number;
  @ApiProperty({
    type: 'integer',
    description: 'Lost since the nearest earlier step that is not optional',
    example: 203,
  })
  dropOff!: number;
  @ApiProperty({ ...rate, description: 'Their share', example: 0.2 }) dropOffRate!: number;
  @ApiPropertyOptional({ description: 'There where the step may be skipped', example: true }) optional?: boolean;
  @ApiProperty(times('the attempt’s step before')) secondsFromPrevious!: StepTimesDto | null;
  @ApiProperty(times('the attempt’s first step')) secondsFromFirst!: StepTimesDto | null;
}

const TIMES_EXAMPLE = { median: 95.4, p75: 310, p90: 1_204.25, histogram: [{ from: 60, to: 120, count: 31 }] };
const STEP_EXAMPLE = {
  name: 'purchase',
  count: 393,
  conversionFromFirst: 0.31,
  conversionFromPrevious: 0.48,
  dropOff: 419,
  dropOffRate: 0.52,
  secondsFromPrevious: TIMES_EXAMPLE,
  secondsFromFirst: TIMES_EXAMPLE,
};

/** Figures of a funnel. */
export class FunnelFiguresDto {
  @ApiProperty({ type: [FunnelStepDto], example: [STEP_EXAMPLE] }) steps!: FunnelStepDto[];
  @ApiProperty({ ...rate, description: '`converted` of `started`', example: 0.31 }) conversionRate!: number;
  @ApiProperty({ type: 'integer', description: 'Units with an attempt', example: 1_268 }) started!: number;
  @ApiProperty({
    type: 'integer',
    description: 'Units whose attempt holds every step that is not optional',
    example: 393,
  })
  converted!: number;
  @ApiProperty({ type: [MoneyDto], description: 'Of the events that are the last step; nothing is converted' })
  revenue!: MoneyDto[];
}

/** Figures of a value. */
export class FunnelRowDto extends FunnelFiguresDto {
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Null where the attempt did not reach the step that says it, where the event has none, and of `other`',
    example: 'DE',
  })
  value!: string | null;
  @ApiPropertyOptional({ description: 'True for the one row of all values beyond `limit`', example: true })
  other?: true;
}

/** Attempts that began in a bucket. */
export class FunnelBucketDto {
  @ApiProperty({
    format: 'date-time',
    description: 'Beginning, with the zone’s offset',
    example: '2026-03-01T00:00:00.000+01:00',
  })
  time!: string;
  @ApiProperty({ type: [Number], description: 'Units by step', example: [120, 80, 41] }) counts!: number[];
  @ApiProperty({ type: 'integer', example: 120 }) started!: number;
  @ApiProperty({ type: 'integer', example: 41 }) converted!: number;
  @ApiProperty({ ...rate, example: 0.34 }) conversionRate!: number;
  @ApiProperty({
    description: 'False where the window of an attempt of this bucket may still be open: figures may grow',
  })
  complete!: boolean;
}

/** Which funnel was asked. */
export class AskedFunnelDto {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ example: 'From signup to purchase' }) name!: string;
  @ApiProperty({ type: 'integer', example: 1 }) revision!: number;
}

export class FunnelMetaDto extends StatsMetaDto {
  @ApiPropertyOptional({ type: AskedFunnelDto, description: 'Of a saved funnel' }) funnel?: AskedFunnelDto;
}

export class FunnelComparisonDto {
  @ApiProperty({ type: FunnelFiguresDto }) data!: FunnelFiguresDto;
  @ApiPropertyOptional({
    type: [FunnelRowDto],
    description:
      'By value, the largest first, `other` last; there with `breakdown`. A comparison has the largest of its own range',
  })
  breakdown?: FunnelRowDto[];
  @ApiPropertyOptional({
    type: [FunnelBucketDto],
    description: 'Every bucket of the range, oldest first; there with `interval`',
  })
  trend?: FunnelBucketDto[];
  @ApiProperty({ type: FunnelMetaDto }) meta!: FunnelMetaDto;
}

/** The answer to a question about a funnel. */
export class FunnelStatsDto extends FunnelComparisonDto {
  @ApiPropertyOptional({ type: FunnelComparisonDto, description: 'The same of the range to compare with' })
  comparison?: FunnelComparisonDto;
}

export class AttemptSessionDto {
  @ApiProperty({ format: 'date-time', example: '2026-03-01T09:28:11.020+01:00' }) beganAt!: string;
}

export class AttemptStepDto {
  @ApiProperty({ type: 'integer', description: '1 is the first; in mode `any` so many steps done', example: 1 })
  step!: number;
  @ApiProperty({ example: 'signup' }) name!: string;
  @ApiProperty({ format: 'date-time', example: '2026-03-01T09:30:00.250+01:00' }) time!: string;
  @ApiProperty({ description: 'Seconds since the attempt began', example: 0 }) secondsFromStart!: number;
}

/** A unit's attempt: the deepest, of equals the earliest. */
export class AttemptDto {
  @ApiProperty({ description: 'The visitor, 16 hexadecimal digits', example: '5f0c1e9ab3d27784' }) visitor!: string;
  @ApiPropertyOptional({ type: AttemptSessionDto, description: 'Of a funnel of sessions' }) session?: AttemptSessionDto;
  @ApiProperty({ format: 'date-time', example: '2026-03-01T09:30:00.250+01:00' }) startedAt!: string;
  @ApiProperty({ type: 'integer', description: 'The last step it reached', example: 1 }) reached!: number;
  @ApiProperty({ type: [AttemptStepDto], description: 'In order; optional steps that were skipped are missing' })
  steps!: AttemptStepDto[];
}

export class FunnelVisitorsDto {
  @ApiProperty({ type: [AttemptDto], description: 'Latest start first' }) data!: AttemptDto[];
  @ApiProperty({ type: PageDto }) page!: PageDto;
  @ApiProperty({ type: FunnelMetaDto }) meta!: FunnelMetaDto;
}
