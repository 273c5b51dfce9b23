// What do requests and answers about keys look like?
import { ApiProperty } from '@nestjs/swagger';
import {
  CursorField,
  EnumField,
  InstantField,
  IntField,
  LimitField,
  ListField,
  PageField,
  TextField,
  UuidField,
} from '../../common/validation/fields';
import { PROJECT_KEY_KINDS, SCOPES, type ProjectKeyKind, type Scope } from '../auth.types';
import type { KeyRow } from '../keys.repository';

const MOST_GRACE_SECONDS = 30 * 86_400;
const scopeSchema = { enum: [...SCOPES] };

/** What a new key is to be. */
export class CreateKeyDto {
  @TextField({ max: 200, trim: true, description: 'For people: what the key is for', example: 'Checkout server' })
  name!: string;

  @EnumField(PROJECT_KEY_KINDS, { description: 'What it is for: a browser or device, a server, the project’s owner' })
  kind!: ProjectKeyKind;

  @ListField({
    optional: true,
    min: 1,
    max: SCOPES.length,
    item: (value) => SCOPES.some((scope) => scope === value),
    itemIs: `one of ${SCOPES.join(', ')}`,
    itemSchema: scopeSchema,
    description: 'What it may do, at most what its kind may; default: all of that',
  })
  scopes?: Scope[];

  @InstantField({ optional: true, nullable: true, description: 'When it ends by itself; in the future' })
  expiresAt?: Date | null;
}

/** How a key is to be rotated. */
export class RotateKeyDto {
  @IntField({
    min: 0,
    max: MOST_GRACE_SECONDS,
    optional: true,
    default: 86_400,
    description: 'Seconds for which the old key works on',
  })
  graceSeconds?: number;
}

/** Which project. */
export class ProjectParams {
  @UuidField({ description: 'The project' })
  id!: string;
}

/** Which key of which project. */
export class KeyParams {
  @UuidField({ description: 'The project' })
  id!: string;

  @UuidField({ description: 'The key' })
  keyId!: string;
}

/** Which part of a project's keys. */
export class ListKeysQuery {
  @LimitField('keys')
  limit?: number;

  @CursorField()
  cursor?: string;
}

/** A key without its text. */
export class KeyDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ enum: PROJECT_KEY_KINDS })
  kind!: ProjectKeyKind;

  @ApiProperty({ type: 'array', items: { type: 'string', enum: [...SCOPES] } })
  scopes!: Scope[];

  @ApiProperty({ description: 'First characters of its text', example: 'mr_sec_4fTq0' })
  prefix!: string;

  @ApiProperty({ description: 'Last characters of its text', example: 'x9Kd' })
  last4!: string;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({
    type: 'string',
    format: 'date-time',
    nullable: true,
    description: 'It works before this; null: for good',
  })
  expiresAt!: string | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true, description: 'To about a minute' })
  lastUsedAt!: string | null;

  @ApiProperty({ type: 'string', format: 'uuid', nullable: true, description: 'The key that takes its place' })
  rotatedTo!: string | null;
}

/** A key with its text: the only time that it is shown. */
export class NewKeyDto extends KeyDto {
  @ApiProperty({
    description: 'The key itself. It is shown this once and never again',
    example: 'mr_sec_4fTq0bYcV7mWnEa2KZ9sLrD1oHxPu81bQx9Kd',
  })
  key!: string;
}

/** One page of keys. */
export class KeyListDto {
  @ApiProperty({ type: [KeyDto] })
  data!: KeyDto[];

  @PageField()
  page!: { next: string | null };
}

/** A row as it is shown. */
export const toKeyDto = (row: KeyRow): KeyDto => ({
  id: row.id,
  name: row.name,
  kind: row.kind,
  scopes: row.scopes,
  prefix: row.prefix,
  last4: row.last4,
  createdAt: row.createdAt.toISOString(),
  expiresAt: row.expiresAt?.toISOString() ?? null,
  lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  rotatedTo: row.rotatedTo,
});
