// How is the audit log read? Newest first, in pages.
import { Injectable } from '@nestjs/common';
import { and, desc, eq, gte, lt } from 'drizzle-orm';
import { rowsAfter } from '../platform/postgres/keyset';
import { Postgres } from '../platform/postgres/postgres';
import type { AuditAction } from './audit.actions';
import { auditLog } from './audit.schema';

/** An entry as it is kept. */
export type AuditRow = typeof auditLog.$inferSelect;

/** Which entries. */
export interface AuditRead {
  /** undefined: of all projects, also of those that are gone. */
  readonly projectId: string | undefined;
  readonly action?: AuditAction | undefined;
  readonly targetType?: string | undefined;
  readonly targetId?: string | undefined;
  /** Milliseconds, half-open. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

@Injectable()
export class AuditRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Entries, newest first; at most `limit`, after the one that `after` names. */
  list(read: AuditRead, limit: number, after?: { at: number; id: string }): Promise<AuditRow[]> {
    const { projectId, action, targetType, targetId, from, to } = read;
    return this.postgres.run((db) =>
      db
        .select()
        .from(auditLog)
        .where(
          and(
            projectId === undefined ? undefined : eq(auditLog.projectId, projectId),
            action === undefined ? undefined : eq(auditLog.action, action),
            targetType === undefined ? undefined : eq(auditLog.targetType, targetType),
            targetId === undefined ? undefined : eq(auditLog.targetId, targetId),
            from === undefined ? undefined : gte(auditLog.at, new Date(from)),
            to === undefined ? undefined : lt(auditLog.at, new Date(to)),
            rowsAfter(auditLog.at, auditLog.id, after && { createdAt: after.at, id: after.id }, 'newest first'),
          ),
        )
        .orderBy(desc(auditLog.at), desc(auditLog.id))
        .limit(limit),
    );
  }
}
