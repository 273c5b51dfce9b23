// How does a change get into the log? Together with it, in one transaction: no change without its entry, no entry without its change.
import { Injectable } from '@nestjs/common';
import { eq, sql } from 'drizzle-orm';
import { Clock } from '../common/clock';
import { newId } from '../common/ids';
import type { Db } from '../platform/postgres/postgres';
import type { Actor } from './actor';
import type { AuditAction } from './audit.actions';
import { auditLog } from './audit.schema';

/** A field's values; one of them is missing where there was none. */
export type Changes = Record<string, { before?: unknown; after?: unknown }>;

/** What was done to what. */
export interface AuditEntry {
  readonly projectId: string;
  readonly action: AuditAction;
  readonly targetId: string;
  /** Changed fields. Never a secret, never anything of a visitor. */
  readonly changes?: Changes;
}

@Injectable()
export class AuditLog {
  constructor(private readonly clock: Clock) {}

  /** Adds an entry. @param db the transaction of the change */
  async record(db: Db, actor: Actor, { projectId, action, targetId, changes = {} }: AuditEntry): Promise<void> {
    await db.insert(auditLog).values({
      id: newId(),
      at: new Date(this.clock.now()),
      projectId,
      action,
      targetType: action.slice(0, action.indexOf('.')),
      targetId,
      actorKey: actor.key,
      actorKind: actor.kind,
      ip: actor.ip,
      requestId: actor.requestId,
      changes,
    });
  }

  /** Removes what a project's log says, but that the project was deleted. The one way past the trigger, for this transaction alone. */
  async forgetProject(db: Db, projectId: string): Promise<void> {
    await db.execute(sql`SELECT set_config('millrace.forget_audit', 'on', true)`);
    await db
      .delete(auditLog)
      .where(sql`${eq(auditLog.projectId, projectId)} AND ${auditLog.action} <> 'project.deleted'`);
  }
}

/** What is different between two states of something, field by field; nested objects count as one value.
 *  @param fields which to compare: a secret is not among them */
export const changesBetween = <T extends object>(
  before: T | undefined,
  after: T | undefined,
  fields: readonly (keyof T & string)[],
): Changes =>
  Object.fromEntries(
    fields.flatMap((field) => {
      const [old, now] = [before?.[field], after?.[field]];
      if (JSON.stringify(old) === JSON.stringify(now)) return [];
      return [[field, { ...(old === undefined ? {} : { before: old }), ...(now === undefined ? {} : { after: now }) }]];
    }),
  );
