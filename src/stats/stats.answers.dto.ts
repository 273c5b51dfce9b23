// What are the answers about a project's statistics? Of all routes.
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { INTERVALS, type Interval } from '../common/buckets';
import { PROPERTY_METRICS, PROPERTY_METRICS_PATTERN } from './property-metrics';

export class MoneyDto {
  @ApiProperty({ description: 'ISO 4217', example: 'EUR' }) currency!: string;
  @ApiProperty({
    description: 'At least two decimals, more only where they are not 0',
    example: '12.50',
    format: 'decimal',
  })
  amount!: string;
}

/** Figures by name: those that were asked for. Those of properties stand under their whole names, of which one is here to see. */
export class FiguresDto {
  @ApiPropertyOptional({ type: 'integer', description: 'Distinct visitors, after links by `userId`', example: 812 })
  visitors?: number;
  @ApiPropertyOptional({ type: 'integer', description: 'Sessions that began in the range', example: 1_034 })
  sessions?: number;
  @ApiPropertyOptional({ type: 'integer', description: 'Events named `pageview`', example: 2_950 })
  pageviews?: number;
  @ApiPropertyOptional({ type: 'integer', description: 'Events of any name', example: 3_411 }) events?: number;
  @ApiPropertyOptional({ description: 'Mean pageviews of a session', example: 2.85 }) viewsPerSession?: number;
  @ApiPropertyOptional({
    description: 'Share of sessions with one pageview and nothing else, 0..1',
    minimum: 0,
    maximum: 1,
    example: 0.41,
  })
  bounceRate?: number;
  @ApiPropertyOptional({ description: 'Mean seconds from the first to the last event of a session', example: 154.2 })
  sessionDuration?: number;
  @ApiPropertyOptional({ type: [MoneyDto], description: 'One amount a currency; nothing is converted' })
  revenue?: MoneyDto[];
  @ApiPropertyOptional({ type: 'integer', description: 'Names of events, each once a session', example: 1_720 })
  uniqueEvents?: number;
  @ApiPropertyOptional({ type: 'integer', description: 'Sessions that entered by a selected pageview', example: 411 })
  entries?: number;
  @ApiPropertyOptional({ type: 'integer', description: 'Sessions whose last pageview is selected', example: 388 })
  exits?: number;
  @ApiPropertyOptional({
    description: 'Mean seconds from a pageview to what came next in its session; last events do not count',
    example: 48.3,
  })
  timeOnPage?: number;
  @ApiPropertyOptional({
    type: 'integer',
    description: 'Events that reach a goal, each once; grouped by `goal`: that goal',
    example: 96,
  })
  conversions?: number;
  @ApiPropertyOptional({
    description:
      'Share of visitors who reached a goal, 0..1: out of those with an event that the filter selects, whatever goal is grouped by or tested at the top of the filter',
    minimum: 0,
    maximum: 1,
    example: 0.118,
  })
  conversionRate?: number;
  @ApiPropertyOptional({
    type: [MoneyDto],
    description:
      'What the conversions are worth, one amount a currency: a fixed value each, or the sum of a property; an event of several goals counts for each of them',
  })
  goalRevenue?: MoneyDto[];
  @ApiPropertyOptional({
    type: Number,
    nullable: true,
    description: `Figures of properties have their whole names, ${PROPERTY_METRICS}: this is one of them. Null where no event has a number; \`sum\` and \`uniq\` are 0 then`,
    example: 74.5,
    ...({ 'x-pattern': PROPERTY_METRICS_PATTERN } as object),
  })
  'p90(property:price)'?: number | null;
}

/** One read of an answer. */
export class ExplainedPartDto {
  @ApiProperty({ description: 'What it was for', example: 'days' }) name!: string;
  @ApiProperty({ description: 'Table that was read', example: 'events' }) table!: string;
  @ApiProperty({ type: 'integer', description: 'Rows read', example: 8_192 }) rows!: number;
  @ApiProperty({ type: 'integer', description: 'Bytes read', example: 262_144 }) bytes!: number;
  @ApiProperty({ description: 'Milliseconds it took', example: 4.2 }) ms!: number;
}

/** What an answer cost. */
export class ExplainDto {
  @ApiProperty({ type: [ExplainedPartDto], description: 'Reads, which may have run side by side' })
  parts!: ExplainedPartDto[];
  @ApiProperty({ type: 'integer', description: 'Rows read in all', example: 8_192 }) rows!: number;
  @ApiProperty({ type: 'integer', description: 'Bytes read in all', example: 262_144 }) bytes!: number;
  @ApiProperty({ description: 'Milliseconds from the question to its answer', example: 5.1 }) ms!: number;
}

/** What the figures are of. */
export class StatsMetaDto {
  @ApiProperty({
    format: 'date-time',
    description: 'Beginning, with the zone’s offset',
    example: '2026-03-01T00:00:00.000+01:00',
  })
  from!: string;
  @ApiProperty({ format: 'date-time', description: 'End, exclusive', example: '2026-04-01T00:00:00.000+02:00' })
  to!: string;
  @ApiProperty({ example: 'Europe/Berlin' }) timezone!: string;
  @ApiPropertyOptional({ enum: INTERVALS, description: 'Length of a bucket, where there are buckets' })
  interval?: Interval;
  @ApiPropertyOptional({
    type: [String],
    description: 'Metrics of which a figure is an estimate; missing where all are exact',
    example: ['visitors'],
  })
  approximate?: string[];
  @ApiPropertyOptional({
    description: 'Share of visitors that was read for the estimates, 0..1; missing where all were',
    minimum: 0,
    maximum: 1,
    example: 0.125,
  })
  sampleFraction?: number;
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'number' },
    description:
      'By estimated metric: how far off it is at most, as a fraction of it, in 95 of 100 cases. Of several rows: that of the largest',
    example: { visitors: 0.012 },
  })
  relativeError?: Record<string, number>;
  @ApiPropertyOptional({
    type: ExplainDto,
    description: 'Where `explain` was asked for',
    example: {
      parts: [{ name: 'days', table: 'events', rows: 8_192, bytes: 262_144, ms: 4.2 }],
      rows: 8_192,
      bytes: 262_144,
      ms: 5.1,
    },
  })
  explain?: ExplainDto;
}

export class OverviewComparisonDto {
  @ApiProperty({ type: FiguresDto }) data!: FiguresDto;
  @ApiProperty({ type: StatsMetaDto }) meta!: StatsMetaDto;
}

export class OverviewDto extends OverviewComparisonDto {
  @ApiPropertyOptional({ type: OverviewComparisonDto }) comparison?: OverviewComparisonDto;
}

/** One bucket. */
export class BucketDto extends FiguresDto {
  @ApiProperty({
    format: 'date-time',
    description: 'Beginning, with the zone’s offset at that moment',
    example: '2026-03-08T00:00:00.000-05:00',
  })
  time!: string;
}

export class TimeseriesComparisonDto {
  @ApiProperty({ type: [BucketDto], description: 'Every bucket of the range, oldest first; empty ones hold zeros' })
  data!: BucketDto[];
  @ApiProperty({ type: StatsMetaDto }) meta!: StatsMetaDto;
}

export class TimeseriesDto extends TimeseriesComparisonDto {
  @ApiPropertyOptional({
    type: TimeseriesComparisonDto,
    description: 'The other range has buckets of its own: compare them by their place',
  })
  comparison?: TimeseriesComparisonDto;
}

/** One value of a dimension. */
export class BreakdownRowDto extends FiguresDto {
  @ApiProperty({ description: 'Empty where events have none: a `referrer` of "" is direct traffic', example: '/shoes' })
  value!: string;
}

export class PageDto {
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The cursor of the next page; null on the last',
    example: null,
  })
  next!: string | null;
}

export class BreakdownComparisonDto {
  @ApiProperty({ type: [BreakdownRowDto], description: 'The same values in the same order' }) data!: BreakdownRowDto[];
  @ApiProperty({ type: StatsMetaDto }) meta!: StatsMetaDto;
}

export class BreakdownDto {
  @ApiProperty({ type: [BreakdownRowDto] }) data!: BreakdownRowDto[];
  @ApiProperty({ type: PageDto }) page!: PageDto;
  @ApiPropertyOptional({
    type: FiguresDto,
    description:
      'Figures of values that are not listed one by one, since some day had too many different ones; missing where there are none. `precision=exact` lists them all.',
  })
  other?: FiguresDto;
  @ApiPropertyOptional({ type: BreakdownComparisonDto }) comparison?: BreakdownComparisonDto;
  @ApiProperty({ type: StatsMetaDto }) meta!: StatsMetaDto;
}

const rows = {
  type: 'array',
  items: { type: 'object', additionalProperties: true },
  example: [{ time: '2026-03-01T00:00:00.000+01:00', country: 'DE', visitors: 812, pageviews: 2_950 }],
} as const;

export class QueryComparisonDto {
  @ApiProperty({
    ...rows,
    description:
      'Rows of the other range: without `time` those of the same groups in the same order, zeros included; with `time` its own, on the first page only',
  })
  data!: Record<string, unknown>[];
  @ApiProperty({ type: PageDto, description: 'A cursor for the same question about the other range' }) page!: PageDto;
  @ApiProperty({ type: StatsMetaDto }) meta!: StatsMetaDto;
}

export class QueryAnswerDto {
  @ApiProperty({ ...rows, description: 'One row a group: its dimensions and metrics by name, `time` for buckets' })
  data!: Record<string, unknown>[];
  @ApiProperty({ type: PageDto }) page!: PageDto;
  @ApiPropertyOptional({ type: QueryComparisonDto }) comparison?: QueryComparisonDto;
  @ApiProperty({ type: StatsMetaDto }) meta!: StatsMetaDto;
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'The question as it was understood: asked again, it gives the same answer whatever the time',
    example: {
      metrics: ['visitors'],
      dimensions: ['time:day', 'country'],
      from: '2026-03-01T00:00:00.000+01:00',
      to: '2026-04-01T00:00:00.000+02:00',
      timezone: 'Europe/Berlin',
      orderBy: ['time:asc', 'country:asc'],
      limit: 1_000,
    },
  })
  query!: Record<string, unknown>;
}
