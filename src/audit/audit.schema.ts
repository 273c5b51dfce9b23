// Which table holds who did what? Rows are only ever added: a trigger refuses the rest.
import { index, jsonb, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';

/** The log. Not bound to the project's row: that a project was deleted is known after it is gone. */
export const auditLog = pgTable(
  'audit_log',
  {
    id: uuid().primaryKey(),
    at: timestamp({ withTimezone: true, precision: 3 }).notNull(),
    projectId: uuid().notNull(),
    action: text().notNull(),
    targetType: text().notNull(),
    targetId: text().notNull(),
    /** Key's id ("root" for the instance's own) and kind. */
    actorKey: text().notNull(),
    actorKind: text().notNull(),
    /** Address of the connection. */
    ip: text().notNull(),
    requestId: text().notNull(),
    /** Changed fields, before and after; never a secret. */
    changes: jsonb().$type<Record<string, { before?: unknown; after?: unknown }>>().notNull(),
  },
  (table) => [index('audit_log_of_project').on(table.projectId, table.at, table.id)],
);
