// Which tables hold projects and what they used, and how does a row become a project?
import { bigint, date, index, integer, jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { bytea } from '../platform/postgres/columns';
import type { Project, ProjectSettings } from './projects.types';

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

/** What a project has where it decided nothing else. */
export const defaultSettings: Readonly<ProjectSettings> = {
  retentionDays: null,
  excludedIps: [],
  excludedCountries: [],
  excludedPaths: [],
  botPolicy: 'drop',
  rateLimit: null,
  allowedOrigins: [],
  storeIp: false,
};

/** A row as the server works with it. A setting that the row does not know yet has its default. */
export const toProject = (row: typeof projects.$inferSelect): Project => ({
  id: row.id,
  number: row.number,
  name: row.name,
  timezone: row.timezone,
  domains: row.domains,
  settings: { ...defaultSettings, ...row.settings },
  secret: row.secret,
  createdAt: row.createdAt.getTime(),
  updatedAt: row.updatedAt.getTime(),
});
