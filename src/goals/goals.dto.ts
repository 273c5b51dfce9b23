// What do requests and answers about goals look like?
import { ApiProperty } from '@nestjs/swagger';
import { MAX_GLOB } from '../common/glob';
import { CursorField, LimitField, ObjectField, PageField, TextField, UuidField } from '../common/validation/fields';
import { field } from '../common/validation/rules';
import type { Goal } from './goals.types';

const MAX_NAME = 100;
const MAX_EVENT = 200;
const MAX_KEY = 1_024;

/** What reaching a goal once is worth. */
export class GoalValueDto {
  @TextField({
    max: 20,
    optional: true,
    description:
      'Always this much: a decimal text, at most 14 digits before the point and 4 after it. One of this and `property`',
    example: '12.50',
  })
  amount?: string;

  @TextField({
    max: MAX_KEY,
    optional: true,
    description: 'What the event says in this property, where that is a number',
    example: 'price',
  })
  property?: string;

  @TextField({ min: 3, max: 3, description: 'ISO 4217 code', example: 'EUR' })
  currency!: string;
}

const nameField = (optional: boolean): PropertyDecorator =>
  TextField({
    max: MAX_NAME,
    trim: true,
    optional,
    description: 'Unique in the project; capitals count. Not a UUID, as questions name a goal by its name or its id',
    example: 'Signup',
  });

class GoalFields {
  @TextField({
    max: MAX_EVENT,
    optional: true,
    nullable: true,
    description: 'Name of the event that reaches the goal. One of this and `page`',
    example: 'signup',
  })
  event?: string | null;

  @TextField({
    max: MAX_GLOB,
    optional: true,
    nullable: true,
    pattern: /^[/*]/,
    description:
      'Path of the pageviews that reach the goal, as a glob: `*` is any text within a part of the path, `**` any number of parts, `?` one character, `{a,b}` one of several',
    example: '/thanks/**',
  })
  page?: string | null;

  @field(
    [{ code: 'not_a_list', test: Array.isArray, message: 'must be a list such as ["is", "page", ["/"]]' }],
    { type: 'array', items: {} },
    {
      optional: true,
      nullable: true,
      description: 'Filter tree that the event must pass too; it cannot name goals. At most 12,000 characters as JSON',
      example: ['is', 'property:plan', ['pro']],
    },
  )
  filters?: unknown[] | null;

  @ObjectField(() => GoalValueDto, {
    optional: true,
    nullable: true,
    description: 'What reaching it once is worth',
    example: { amount: '12.50', currency: 'EUR' },
  })
  value?: GoalValueDto | null;
}

/** A new goal. */
export class CreateGoalDto extends GoalFields {
  @nameField(false)
  name!: string;
}

/** A change: what is left out stays as it is, null takes it away. */
export class UpdateGoalDto extends GoalFields {
  @nameField(true)
  name?: string;
}

/** Which goal. */
export class GoalParams {
  @UuidField({ description: 'The goal' })
  id!: string;
}

/** Which part of a project's goals. */
export class ListGoalsQuery {
  @LimitField('goals')
  limit?: number;

  @CursorField()
  cursor?: string;
}

/** A goal. */
export class GoalDto {
  @ApiProperty({ format: 'uuid', example: '0198f2a4-7c1e-7a3b-9c55-2f6f0b1d9e10' })
  id!: string;

  @ApiProperty({ example: 'Signup' })
  name!: string;

  @ApiProperty({ type: 'string', nullable: true, example: 'signup' })
  event!: string | null;

  @ApiProperty({ type: 'string', nullable: true, description: 'A glob', example: null })
  page!: string | null;

  @ApiProperty({
    type: 'array',
    items: {},
    nullable: true,
    description: 'Filter tree',
    example: ['is', 'property:plan', ['pro']],
  })
  filters!: unknown[] | null;

  @ApiProperty({ type: () => GoalValueDto, nullable: true, example: { amount: '12.50', currency: 'EUR' } })
  value!: GoalValueDto | null;

  @ApiProperty({ format: 'date-time', example: '2026-03-01T09:30:00.250Z' })
  createdAt!: string;

  @ApiProperty({ format: 'date-time', example: '2026-03-01T09:30:00.250Z' })
  updatedAt!: string;
}

/** One page of goals. */
export class GoalListDto {
  @ApiProperty({ type: [GoalDto] })
  data!: GoalDto[];

  @PageField()
  page!: { next: string | null };
}

/** A goal as it is shown. */
export const toGoalDto = ({ id, name, event, page, filters, value, createdAt, updatedAt }: Goal): GoalDto => ({
  id,
  name,
  event: event ?? null,
  page: page ?? null,
  filters: filters === undefined ? null : [...filters],
  value: value ?? null,
  createdAt: new Date(createdAt).toISOString(),
  updatedAt: new Date(updatedAt).toISOString(),
});
