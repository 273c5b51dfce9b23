// What are the answers about who comes back? Of all routes of this room.
import { ApiProperty, ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import { StatsMetaDto } from '../stats.answers.dto';
import { PERIOD_LENGTHS, type PeriodLength, STATES, type State } from './periods';

const MARGIN = 'Where a sample was read: how far it is off at most, as a fraction, in 95 of 100 cases';
const START = { format: 'date-time', example: '2026-03-02T00:00:00.000-05:00' } as const;

/** What the figures are of. */
export class RetentionMetaDto extends OmitType(StatsMetaDto, ['interval'] as const) {
  @ApiProperty({ enum: PERIOD_LENGTHS, description: 'Length of a period' }) interval!: PeriodLength;
}

export class CellErrorDto {
  @ApiProperty({ example: 0.04 }) visitors!: number;
  @ApiProperty({ example: 0.03 }) rate!: number;
}

/** Who of a cohort came back in one period. */
export class CohortCellDto {
  @ApiProperty({ type: 'integer', minimum: 0, description: 'Periods after the cohort’s own', example: 1 })
  period!: number;
  @ApiProperty({ type: 'integer', nullable: true, description: 'Null in the future', example: 84 })
  visitors!: number | null;
  @ApiProperty({
    type: Number,
    nullable: true,
    minimum: 0,
    maximum: 1,
    description: 'Of the cohort’s visitors; null in the future, and where the cohort has none',
    example: 0.42,
  })
  rate!: number | null;
  @ApiProperty({
    enum: STATES,
    description: '`future`: it has not begun; `open`: it is not over, and the figures can still grow; `complete`',
    example: 'complete',
  })
  state!: State;
  @ApiPropertyOptional({ type: CellErrorDto, description: MARGIN, example: { visitors: 0.04, rate: 0.03 } })
  relativeError?: CellErrorDto;
}

/** Those who began in one period. */
export class CohortDto {
  @ApiProperty({ ...START, description: 'Beginning of the period, with the zone’s offset' }) cohort!: string;
  @ApiProperty({
    type: 'integer',
    description: 'Visitors whose first event ever lies in it, and in the range',
    example: 200,
  })
  size!: number;
  @ApiPropertyOptional({ description: `${MARGIN}; of \`size\``, example: 0.02 }) relativeError?: number;
  @ApiProperty({ type: [CohortCellDto], description: 'One a column, the cohort’s own period first' })
  cells!: CohortCellDto[];
}

/** All cohorts together in one column. */
export class AverageDto {
  @ApiProperty({ type: 'integer', minimum: 0, example: 1 }) period!: number;
  @ApiProperty({ type: 'integer', description: 'Visitors of the cohorts whose cell is complete', example: 1_400 })
  size!: number;
  @ApiProperty({ type: 'integer', description: 'Those of them who came back', example: 560 }) visitors!: number;
  @ApiProperty({
    type: Number,
    nullable: true,
    minimum: 0,
    maximum: 1,
    description: 'Null where there is nobody',
    example: 0.4,
  })
  rate!: number | null;
  @ApiPropertyOptional({ description: `${MARGIN}; of \`rate\``, example: 0.02 }) relativeError?: number;
}

export class RetentionTableDto {
  @ApiProperty({ type: [CohortDto], description: 'Every period that touches the range, oldest first' })
  data!: CohortDto[];
  @ApiProperty({ type: [AverageDto], description: 'Of complete cells, each cohort by its size' })
  averages!: AverageDto[];
}

const TABLE = {
  size: 120,
  data: [
    {
      cohort: '2026-03-02T00:00:00.000-05:00',
      size: 120,
      cells: [
        { period: 0, visitors: 120, rate: 1, state: 'complete' },
        { period: 1, visitors: 48, rate: 0.4, state: 'open' },
      ],
    },
  ],
  averages: [
    { period: 0, size: 120, visitors: 120, rate: 1 },
    { period: 1, size: 0, visitors: 0, rate: null },
  ],
};

/** The figures of those beyond the limit. */
export class RetentionOtherDto extends RetentionTableDto {
  @ApiProperty({ type: 'integer', description: 'Visitors of all cohorts', example: 812 }) size!: number;
}

export class RetentionValueDto extends RetentionOtherDto {
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Of the visitor’s first event; null where that has no such property',
    example: 'DE',
  })
  value!: string | null;
}

export class RetentionBreakdownDto {
  @ApiProperty({ example: 'country' }) dimension!: string;
  @ApiProperty({
    type: [RetentionValueDto],
    description: 'Largest first; with `other` they add up to the whole',
    example: [{ value: 'DE', ...TABLE }],
  })
  rows!: RetentionValueDto[];
  @ApiPropertyOptional({
    type: RetentionOtherDto,
    description: 'All values beyond `limit`; missing where there are none',
    example: TABLE,
  })
  other?: RetentionOtherDto;
}

export class RetentionComparisonDto extends RetentionTableDto {
  @ApiPropertyOptional({ type: RetentionBreakdownDto }) breakdown?: RetentionBreakdownDto;
  @ApiProperty({ type: RetentionMetaDto }) meta!: RetentionMetaDto;
}

export class RetentionDto extends RetentionComparisonDto {
  @ApiPropertyOptional({ type: RetentionComparisonDto }) comparison?: RetentionComparisonDto;
}

/** What visitors were in one period. */
export class LifecycleRowDto {
  @ApiProperty({ ...START, description: 'Beginning of the period, with the zone’s offset' }) time!: string;
  @ApiProperty({ type: 'integer', description: 'Active in it: new, returning and resurrected', example: 100 })
  visitors!: number;
  @ApiProperty({ type: 'integer', description: 'Whose first event ever lies in it', example: 40 }) new!: number;
  @ApiProperty({ type: 'integer', description: 'Active in the period before as well', example: 50 }) returning!: number;
  @ApiProperty({ type: 'integer', description: 'Active before, but not in the period before', example: 10 })
  resurrected!: number;
  @ApiProperty({ type: 'integer', description: 'Active in the period before, and not in this one', example: 25 })
  dormant!: number;
  @ApiProperty({ description: 'Whether the period is over' }) complete!: boolean;
}

export class LifecycleComparisonDto {
  @ApiProperty({ type: [LifecycleRowDto], description: 'Every period that touches the range, whole, oldest first' })
  data!: LifecycleRowDto[];
  @ApiProperty({ type: RetentionMetaDto }) meta!: RetentionMetaDto;
}

export class LifecycleDto extends LifecycleComparisonDto {
  @ApiPropertyOptional({ type: LifecycleComparisonDto }) comparison?: LifecycleComparisonDto;
}

/** Visitors who were active on so many days. */
export class DaysDto {
  @ApiProperty({ type: 'integer', minimum: 1, maximum: 31, example: 2 }) days!: number;
  @ApiProperty({ type: 'integer', example: 30 }) visitors!: number;
  @ApiProperty({ minimum: 0, maximum: 1, description: 'Of all who were active', example: 0.3 }) rate!: number;
}

export class StickyDaysDto {
  @ApiProperty({ type: [DaysDto], description: 'A row for each number of days, up to 7 or 31' }) data!: DaysDto[];
  @ApiProperty({ type: 'integer', description: 'All who were active', example: 100 }) visitors!: number;
  @ApiProperty({ description: 'Mean number of active days; 0 where nobody was active', example: 2.1 }) mean!: number;
}

export class StickyPeriodDto extends StickyDaysDto {
  @ApiProperty({ ...START, description: 'Beginning of the period, with the zone’s offset' }) time!: string;
  @ApiProperty({ description: 'Whether the period is over' }) complete!: boolean;
}

/** Over all periods; a visitor counts once in each period in which they were active. */
export class StickinessComparisonDto extends StickyDaysDto {
  @ApiProperty({ type: [StickyPeriodDto], description: 'Every period that touches the range, whole, oldest first' })
  periods!: StickyPeriodDto[];
  @ApiProperty({ type: RetentionMetaDto }) meta!: RetentionMetaDto;
}

export class StickinessDto extends StickinessComparisonDto {
  @ApiPropertyOptional({ type: StickinessComparisonDto }) comparison?: StickinessComparisonDto;
}
