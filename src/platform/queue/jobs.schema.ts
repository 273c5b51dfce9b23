// Which table tells a client how its job is getting on?
import { index, jsonb, pgTable, real, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import type { JobState } from './jobs.types';

/** Jobs that clients were told about. Not bound to the project's row: the job that erases a project outlives it. */
export const jobs = pgTable(
  'jobs',
  {
    id: uuid().primaryKey(),
    projectId: uuid().notNull(),
    kind: text().notNull(),
    data: jsonb().$type<Record<string, unknown>>().notNull(),
    state: text().$type<JobState>().notNull(),
    progress: real().notNull(),
    error: text(),
    createdAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
    finishedAt: timestamp({ withTimezone: true, precision: 3 }),
  },
  (table) => [index('jobs_by_state').on(table.state, table.createdAt)],
);
