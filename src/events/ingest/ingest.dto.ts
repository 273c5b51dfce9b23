// What does the answer to events look like? For the document; the service fills it.
import { ApiProperty } from '@nestjs/swagger';
import { filterReasons, rejectCodes, warningCodes } from '../pipeline';

const meanings = (of: Readonly<Record<string, string>>): string =>
  Object.entries(of)
    .map(([code, meaning]) => `\`${code}\`: ${meaning}`)
    .join('. ');

const index = { type: 'integer', minimum: 0, description: 'Place in the request, from 0' } as const;

export class IngestAnswerDto {
  @ApiProperty({ type: 'integer', minimum: 0, example: 2, description: 'Events that are kept' })
  accepted!: number;

  @ApiProperty({
    type: 'integer',
    minimum: 0,
    example: 0,
    description:
      'Events whose id was recognised at once. A repeated id that is not recognised at once is never counted either.',
  })
  duplicates!: number;

  @ApiProperty({
    type: 'array',
    description: `Events that the project's own rules left out. ${meanings(filterReasons)}.`,
    items: {
      type: 'object',
      required: ['index', 'reason'],
      properties: { index, reason: { type: 'string', enum: Object.keys(filterReasons) } },
    },
    example: [],
  })
  filtered!: object[];

  @ApiProperty({
    type: 'array',
    description: `Events that were refused; they are kept for 7 days, see \`GET /events/rejected\`. ${meanings(rejectCodes)}.`,
    items: {
      type: 'object',
      required: ['index', 'code', 'errors'],
      properties: {
        index,
        id: { type: 'string', maxLength: 200, description: 'As it was sent, its first 200 characters' },
        code: { type: 'string', enum: Object.keys(rejectCodes) },
        errors: {
          type: 'array',
          items: {
            type: 'object',
            required: ['path', 'code', 'message'],
            properties: { path: { type: 'string' }, code: { type: 'string' }, message: { type: 'string' } },
          },
        },
      },
    },
    example: [],
  })
  rejected!: object[];

  @ApiProperty({
    type: 'array',
    description: `What was stored otherwise than it was sent. ${meanings(warningCodes)}.`,
    items: {
      type: 'object',
      required: ['index', 'path', 'code', 'message'],
      properties: {
        index,
        path: { type: 'string' },
        code: { type: 'string', enum: Object.keys(warningCodes) },
        message: { type: 'string' },
      },
    },
    example: [],
  })
  warnings!: object[];
}
