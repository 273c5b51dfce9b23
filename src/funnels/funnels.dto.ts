// What do requests and answers about saved funnels look like?
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { MAX_GLOB } from '../common/glob';
import {
  BoolField,
  CursorField,
  EnumField,
  IntField,
  LimitField,
  ListField,
  ObjectListField,
  TextField,
  UuidField,
} from '../common/validation/fields';
import { field } from '../common/validation/rules';
import { findDimension } from '../events/query';
import { PageDto } from '../stats';
import { DEFAULT_WINDOW, type FunnelDefinition } from './funnel.definition';
import { FUNNEL_LIMITS, FUNNEL_MODES, FUNNEL_UNITS, type FunnelMode, type FunnelUnit } from './funnel.types';
import type { FunnelRevision, SavedFunnel } from './saved-funnel.types';

const { minSteps, maxSteps, maxWindowSeconds } = FUNNEL_LIMITS;
const MAX_NAME = 200;

/** A filter tree of a body. */
export const FiltersField = (description: string): PropertyDecorator =>
  field(
    [{ code: 'not_a_list', test: Array.isArray, message: 'must be a list such as ["is", "page", ["/"]]' }],
    { type: 'array', items: {} },
    { optional: true, description, example: ['is', 'country', ['DE']] },
  );

/** Exactly one of `event`, `page` and `goal`. */
class TargetInput {
  @TextField({ max: MAX_NAME, optional: true, description: 'Events of this name', example: 'signup' })
  event?: string;

  @TextField({
    max: MAX_GLOB,
    optional: true,
    description: 'Instead of `event`: pageviews whose path matches this glob, such as `/blog/**`',
  })
  page?: string;

  @TextField({
    max: MAX_NAME,
    optional: true,
    description: 'Instead of `event`: what reaches this goal, by name or id. It is kept by its id',
  })
  goal?: string;

  @FiltersField('Only those of them that this filter tree selects')
  filters?: unknown[];
}

/** A step: exactly one of `event`, `page` and `goal`. */
export class StepInput extends TargetInput {
  @TextField({ max: MAX_NAME, trim: true, optional: true, description: 'Default: the event, page or goal' })
  name?: string;

  @BoolField({
    optional: true,
    default: false,
    description: 'May be skipped. Not the first step, and not with mode `any`',
  })
  optional?: boolean;
}

/** What ends an attempt: exactly one of `event`, `page` and `goal`. */
export class ExclusionInput extends TargetInput {
  @IntField({
    min: 1,
    max: maxSteps,
    description: 'It ends attempts that have come as far as this step; 1 is the first',
  })
  fromStep!: number;

  @IntField({ min: 1, max: maxSteps, description: 'And not yet as far as this one; more than `fromStep`' })
  toStep!: number;
}

/** A default that goes for new funnels; a change leaves what is not said as it is. */
const byDefault = (value: unknown, change: boolean): { default?: unknown } => (change ? {} : { default: value });

export const StepsField = (optional: boolean): PropertyDecorator =>
  ObjectListField(() => StepInput, {
    min: minSteps,
    max: maxSteps,
    optional,
    description: 'In order',
    example: [
      { event: 'signup' },
      { name: 'Read the guide', page: '/guide/**', optional: true },
      { event: 'purchase' },
    ],
  });
export const ModeField = (change = false): PropertyDecorator =>
  EnumField(FUNNEL_MODES, {
    optional: true,
    ...byDefault('ordered', change),
    description:
      '`ordered`: steps come one after the other, whatever lies between; `strict`: nothing lies between; `any`: in any order',
  });
export const WindowField = (change = false): PropertyDecorator =>
  IntField({
    min: 1,
    max: maxWindowSeconds,
    optional: true,
    ...byDefault(DEFAULT_WINDOW, change),
    description: 'Seconds after the first step within which all others must come; by default a day',
  });
export const CountByField = (change = false): PropertyDecorator =>
  EnumField(FUNNEL_UNITS, {
    optional: true,
    ...byDefault('visitor', change),
    description: 'Whose sequences of events are looked at',
  });
export const ExclusionsField = (change = false): PropertyDecorator =>
  ObjectListField(() => ExclusionInput, {
    max: FUNNEL_LIMITS.exclusions,
    optional: true,
    ...byDefault([], change),
    description: 'Events that end an attempt where they lie between two steps',
  });
export const HoldConstantField = (change = false): PropertyDecorator =>
  ListField({
    max: FUNNEL_LIMITS.holdConstant,
    optional: true,
    ...byDefault([], change),
    item: (key) => findDimension(`property:${key}`) !== undefined,
    itemIs: 'keys of properties, 1..1024 characters',
    description: 'Keys of properties: all steps of an attempt have them, each with the same value',
  });
const NameField = (optional: boolean): PropertyDecorator =>
  TextField({
    max: MAX_NAME,
    trim: true,
    optional,
    description: 'Unique in the project',
    example: 'From signup to purchase',
  });

/** A new funnel. */
export class CreateFunnelDto {
  @NameField(false) name!: string;
  @StepsField(false) steps!: StepInput[];
  @ModeField() mode?: FunnelMode;
  @WindowField() window?: number;
  @CountByField() countBy?: FunnelUnit;
  @ExclusionsField() exclusions?: ExclusionInput[];
  @HoldConstantField() holdConstant?: string[];
}

/** A change: what is left out stays as it is; lists are replaced whole. */
export class UpdateFunnelDto {
  @NameField(true) name?: string;
  @StepsField(true) steps?: StepInput[];
  @ModeField(true) mode?: FunnelMode;
  @WindowField(true) window?: number;
  @CountByField(true) countBy?: FunnelUnit;
  @ExclusionsField(true) exclusions?: ExclusionInput[];
  @HoldConstantField(true) holdConstant?: string[];
}

/** Which funnel. */
export class FunnelParams {
  @UuidField({ description: 'The funnel' })
  id!: string;
}

/** Which part of a list. */
export class ListFunnelsQuery {
  @LimitField('items')
  limit?: number;

  @CursorField()
  cursor?: string;
}

const filters = { type: 'array', items: {}, example: ['is', 'country', ['DE']] } as const;

class TargetDto {
  @ApiPropertyOptional({ example: 'signup' }) event?: string;
  @ApiPropertyOptional({ description: 'Glob over the paths of pageviews' }) page?: string;
  @ApiPropertyOptional({ format: 'uuid', description: 'Id of a goal' }) goal?: string;
  @ApiPropertyOptional(filters) filters?: readonly unknown[];
}

export class StepDto extends TargetDto {
  @ApiPropertyOptional({ description: 'Where it has one of its own' }) name?: string;
  @ApiProperty({ example: false }) optional!: boolean;
}

export class ExclusionDto extends TargetDto {
  @ApiProperty({ type: 'integer', example: 1 }) fromStep!: number;
  @ApiProperty({ type: 'integer', example: 2 }) toStep!: number;
}

class DefinitionDto {
  @ApiProperty({
    type: [StepDto],
    example: [
      { event: 'signup', optional: false },
      { event: 'purchase', optional: false },
    ],
  })
  steps!: StepDto[];
  @ApiProperty({ enum: FUNNEL_MODES }) mode!: FunnelMode;
  @ApiProperty({ type: 'integer', description: 'Seconds', example: DEFAULT_WINDOW }) window!: number;
  @ApiProperty({ enum: FUNNEL_UNITS }) countBy!: FunnelUnit;
  @ApiProperty({ type: [ExclusionDto], example: [{ event: 'refund', fromStep: 1, toStep: 2 }] })
  exclusions!: ExclusionDto[];
  @ApiProperty({ type: [String], description: 'Keys of properties', example: ['plan'] }) holdConstant!: string[];
}

/** What a funnel looked for from a moment on. */
export class FunnelRevisionDto extends DefinitionDto {
  @ApiProperty({ type: 'integer', description: '1 is the first', example: 1 }) revision!: number;
  @ApiProperty({ format: 'date-time' }) createdAt!: string;
}

/** A funnel. */
export class FunnelDto extends FunnelRevisionDto {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ example: 'From signup to purchase' }) name!: string;
  @ApiProperty({ format: 'date-time' }) updatedAt!: string;
}

export class FunnelListDto {
  @ApiProperty({ type: [FunnelDto] }) data!: FunnelDto[];
  @ApiProperty({ type: PageDto }) page!: PageDto;
}

export class FunnelRevisionListDto {
  @ApiProperty({ type: [FunnelRevisionDto] }) data!: FunnelRevisionDto[];
  @ApiProperty({ type: PageDto }) page!: PageDto;
}

const toDefinitionDto = ({
  steps,
  mode,
  window,
  countBy,
  exclusions,
  holdConstant,
}: FunnelDefinition): DefinitionDto => ({
  steps: steps.map((step) => ({ ...step, optional: step.optional ?? false })),
  mode,
  window,
  countBy,
  exclusions: exclusions.map((exclusion) => ({ ...exclusion })),
  holdConstant: [...holdConstant],
});

/** A funnel as it is shown. */
export const toFunnelDto = ({ id, name, revision, definition, createdAt, updatedAt }: SavedFunnel): FunnelDto => ({
  id,
  name,
  revision,
  ...toDefinitionDto(definition),
  createdAt: new Date(createdAt).toISOString(),
  updatedAt: new Date(updatedAt).toISOString(),
});

/** A revision as it is shown. */
export const toRevisionDto = ({ revision, definition, createdAt }: FunnelRevision): FunnelRevisionDto => ({
  revision,
  ...toDefinitionDto(definition),
  createdAt: new Date(createdAt).toISOString(),
});
