// Which tables hold projects and what they used?
import { bigint, date, index, integer, jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { bytea } from '../platform/postgres/columns';
import type { ProjectSettings } from './projects.types';

/** Projects. One with `deletedAt` is hidden from everybody while its data is being erased. */
export const projects = pgTable(
  'projects',
  {
    id: uuid().primaryKey(),
    /** Short id inside the warehouse. */
    number: integer().notNull().unique().generatedAlwaysAsIdentity(),
    name: text().notNull(),
    timezone: text().notNull(),
    domains: text().array().notNull(),
    settings: jsonb().$type<ProjectSettings>().notNull(),
    /** Keys the project's hashes of visitors and addresses. Never leaves the server. */
    secret: bytea().notNull(),
    createdAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
    updatedAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
    deletedAt: timestamp({ withTimezone: true, precision: 3 }),
  },
  (table) => [index('projects_by_age').on(table.createdAt, table.id)],
);

/** What a project sent, per UTC day. */
export const projectUsage = pgTable(
  'project_usage',
  {
    projectId: uuid()
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    day: date({ mode: 'string' }).notNull(),
    events: bigint({ mode: 'number' }).notNull(),
    rejected: bigint({ mode: 'number' }).notNull(),
    duplicates: bigint({ mode: 'number' }).notNull(),
    bytes: bigint({ mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.day] })],
);
