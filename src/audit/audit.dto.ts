// What may be asked of the audit log, and what is an entry?
import { ApiProperty } from '@nestjs/swagger';
import { CursorField, EnumField, LimitField, PageField, TextField } from '../common/validation/fields';
import { auditActions } from './audit.actions';
import type { AuditRow } from './audit.repository';

const ACTIONS = Object.keys(auditActions);
const TARGETS = [...new Set(ACTIONS.map((action) => action.slice(0, action.indexOf('.'))))];
const MEANINGS = Object.entries(auditActions)
  .map(([action, meaning]) => `\`${action}\`: ${meaning}`)
  .join('. ');

/** Which entries, and which part of the list. */
export class ListAuditQuery {
  @EnumField(ACTIONS, { optional: true, description: 'Only this action' })
  action?: string;

  @EnumField(TARGETS, { optional: true, description: 'Only what was done to this' })
  targetType?: string;

  @TextField({
    max: 64,
    optional: true,
    description: 'Only what was done to the one of this id; of a visitor, the 16 hexadecimal digits that the API shows',
  })
  targetId?: string;

  @TextField({
    max: 40,
    optional: true,
    description: 'Beginning: a day (`2026-03-01`, local to the project) or a time with an offset',
  })
  from?: string;

  @TextField({ max: 40, optional: true, description: 'End: a day is included, a time is not' })
  to?: string;

  @LimitField('entries')
  limit?: number;

  @CursorField()
  cursor?: string;
}

/** Who did it. */
export class AuditActorDto {
  @ApiProperty({ description: 'Id of the key; `root` for the instance’s own' }) keyId!: string;
  @ApiProperty({ enum: ['pub', 'sec', 'adm', 'root'] }) kind!: string;
  @ApiProperty({ description: 'Address of the connection, as a trusted proxy says it', example: '192.0.2.7' })
  ip!: string;
  @ApiProperty({ description: '`X-Request-Id` of the request' }) requestId!: string;
}

/** To what. */
export class AuditTargetDto {
  @ApiProperty({ enum: TARGETS }) type!: string;
  @ApiProperty({
    description: 'Its id; of a visitor a mark that is made of the hash and does not lead back to it',
  })
  id!: string;
}

/** An entry. */
export class AuditEntryDto {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'date-time' }) time!: string;
  @ApiProperty({ format: 'uuid' }) projectId!: string;
  @ApiProperty({ enum: ACTIONS, description: MEANINGS }) action!: string;
  @ApiProperty({ type: AuditActorDto }) actor!: AuditActorDto;
  @ApiProperty({ type: AuditTargetDto }) target!: AuditTargetDto;
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'object', properties: { before: {}, after: {} }, additionalProperties: false },
    description: 'Fields that changed, before and after; one of the two is missing where there was none',
    example: { name: { before: 'Shop', after: 'Store' } },
  })
  changes!: object;
}

/** One page of entries. */
export class AuditListDto {
  @ApiProperty({ type: [AuditEntryDto] }) data!: AuditEntryDto[];
  @PageField()
  page!: { next: string | null };
}

/** An entry as it is shown. */
export const toAuditEntryDto = (row: AuditRow): AuditEntryDto => ({
  id: row.id,
  time: row.at.toISOString(),
  projectId: row.projectId,
  action: row.action,
  actor: { keyId: row.actorKey, kind: row.actorKind, ip: row.ip, requestId: row.requestId },
  target: { type: row.targetType, id: row.targetId },
  changes: row.changes,
});
