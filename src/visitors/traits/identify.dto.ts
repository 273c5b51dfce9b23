// What does a request say about a user, and what is the answer?
import { ApiProperty } from '@nestjs/swagger';
import { TextField } from '../../common/validation/fields';
import { field } from '../../common/validation/rules';
import { MOST_NUMBER } from './trait-change';

const HASH = '16 hexadecimal digits: a hash, keyed by the project';
const SCALAR = { oneOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }, { type: 'null' }] };

/** An object of a body whose keys are the client's own. */
const MapField = (values: object, description: string, example: object): PropertyDecorator =>
  field(
    [
      {
        code: 'not_an_object',
        test: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
        message: 'must be an object',
      },
    ],
    { type: 'object', additionalProperties: values as never },
    { optional: true, description, example },
  );

export class IdentifyDto {
  @TextField({ max: 200, description: 'The user, as in events', example: 'user-4711' })
  userId!: string;

  @TextField({
    max: 200,
    optional: true,
    description: 'A visitor who is this user, as in events: links them as an event with both would',
    example: 'device-1',
  })
  visitorId?: string;

  @MapField(SCALAR, 'Traits to set', { plan: 'pro' })
  traits?: Record<string, unknown>;

  @MapField(
    { type: 'number', minimum: -MOST_NUMBER, maximum: MOST_NUMBER },
    'Numbers to add to traits; one that is no number yet begins at 0',
    { orders: 1, spent: 19.9 },
  )
  add?: Record<string, unknown>;

  @MapField(SCALAR, 'Traits to set where the user has none of the key', { firstPlan: 'free' })
  once?: Record<string, unknown>;
}

export class IdentifiedDto {
  @ApiProperty({ description: `The user, as the API shows it. ${HASH}`, example: '9f86d081884c7d65' }) id!: string;
  @ApiProperty({
    type: String,
    nullable: true,
    description: `The visitor that was linked. ${HASH}`,
    example: '2c26b46b68ffc68f',
  })
  visitorId!: string | null;
}
