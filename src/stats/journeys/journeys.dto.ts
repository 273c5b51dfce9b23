// What may be asked about journeys, and what is the answer?
import { ApiProperty, ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import { MAX_GLOB } from '../../common/glob';
import { CursorField, EnumField, LimitField, QueryIntField, TextField } from '../../common/validation/fields';
import { OverviewQuery, PageDto, StatsMetaDto } from '../stats.dto';
import {
  JOURNEY_KINDS,
  JOURNEY_UNITS,
  type JourneyKind,
  type JourneyUnit,
  MAX_STEPS,
  MAX_VALUES,
  MIN_STEPS,
  REPEATS,
  type Repeats,
} from './journeys.types';

const anchor = (description: string, example?: string) => ({
  max: MAX_GLOB,
  optional: true,
  description: `${description}: a page, an event or the name of a group, or a glob (\`/blog/**\`) over what steps show`,
  ...(example === undefined ? {} : { example }),
});

/** The query string. Journeys of two ranges have no rows in common, so there is nothing to compare with. */
export class JourneysQuery extends OmitType(OverviewQuery, ['compare'] as const) {
  @QueryIntField({
    min: MIN_STEPS,
    max: MAX_STEPS,
    optional: true,
    default: 5,
    description: 'Most steps of a path; who left earlier has a shorter one',
  })
  steps?: number;

  @EnumField(JOURNEY_KINDS, {
    optional: true,
    default: 'page',
    description: 'What a step is: the path of a pageview, or the name of an event',
  })
  by?: JourneyKind;

  @EnumField(JOURNEY_UNITS, {
    optional: true,
    default: 'session',
    description: 'Whose paths: sessions that began in the range, whole, or visitors with what they did in the range',
  })
  unit?: JourneyUnit;

  @TextField(anchor('Paths begin with the first step that this means', '/pricing'))
  start?: string;

  @TextField(anchor('Paths end with the first step that this means, after `start` where both are given'))
  end?: string;

  @TextField(anchor('Paths lead to the first step that this means and on from there; neither with `start` nor `end`'))
  around?: string;

  @EnumField(REPEATS, {
    optional: true,
    default: 'fold',
    description: 'Whether the same value several times in a row is one step, or as many as there were',
  })
  repeats?: Repeats;

  @TextField({
    max: 12_000,
    optional: true,
    description: 'Pages that go under one name, as JSON: a glob and a name each; of several that match the first holds',
    example: '[["/blog/**","Blog"],["/docs/**","Docs"]]',
  })
  groups?: string;

  @LimitField('paths')
  limit?: number;

  @CursorField(4_000)
  cursor?: string;
}

export class JourneyPathDto {
  @ApiProperty({ type: [String], description: 'Its steps in order', example: ['/', '/pricing'] }) path!: string[];
  @ApiProperty({ type: 'integer', description: 'How many took it', example: 412 }) count!: number;
  @ApiProperty({ description: 'The share of all that were counted', minimum: 0, maximum: 1, example: 0.206 })
  share!: number;
}

export class JourneyNodeDto {
  @ApiProperty({ description: 'Names it in `links`', example: '0.0' }) id!: string;
  @ApiProperty({
    type: 'integer',
    description:
      '0 is the first step; with `end` or `around` it is the step that was asked for, and earlier ones are negative',
    example: 0,
  })
  step!: number;
  @ApiProperty({ type: String, nullable: true, description: 'What the step shows; null of the others', example: '/' })
  value!: string | null;
  @ApiPropertyOptional({
    description: `True of the node that stands for all values beyond the ${MAX_VALUES} most frequent ones of its step`,
    example: true,
  })
  other?: boolean;
  @ApiProperty({ type: 'integer', description: 'How many have this step in their path', example: 2_000 })
  count!: number;
  @ApiProperty({ type: 'integer', description: 'How many paths begin with it', example: 2_000 }) entries!: number;
  @ApiProperty({ type: 'integer', description: 'How many paths end with it', example: 1_588 }) exits!: number;
}

export class JourneyLinkDto {
  @ApiProperty({ description: 'The node of a step', example: '0.0' }) source!: string;
  @ApiProperty({ description: 'The node of the next step', example: '1.0' }) target!: string;
  @ApiProperty({ type: 'integer', description: 'How many went from one to the other', example: 412 }) count!: number;
}

export class JourneysDto {
  @ApiProperty({ type: [JourneyPathDto], description: 'Most frequent first' }) data!: JourneyPathDto[];
  @ApiProperty({ type: PageDto }) page!: PageDto;
  @ApiProperty({ type: 'integer', description: 'Sessions or visitors that have a path', example: 2_000 })
  total!: number;
  @ApiProperty({ type: [JourneyNodeDto], description: 'Of all paths, by step, most frequent first' })
  nodes!: JourneyNodeDto[];
  @ApiProperty({ type: [JourneyLinkDto], description: 'Of all paths' }) links!: JourneyLinkDto[];
  @ApiProperty({ type: StatsMetaDto }) meta!: StatsMetaDto;
}
