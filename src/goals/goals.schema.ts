// Which table holds goals, and how does a row become one?
import { index, jsonb, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { projects } from '../projects/projects.schema';
import type { Goal, GoalValue } from './goals.types';

/** Name of the rule that a name is there once in a project. */
export const GOAL_NAMES = 'goals_by_name';

/** Goals. One of `event` and `page` is set. */
export const goals = pgTable(
  'goals',
  {
    id: uuid().primaryKey(),
    projectId: uuid()
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    name: text().notNull(),
    event: text(),
    page: text(),
    /** The tree as it was sent. */
    filters: jsonb().$type<unknown[]>(),
    value: jsonb().$type<GoalValue>(),
    createdAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
    updatedAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
  },
  (table) => [
    uniqueIndex(GOAL_NAMES).on(table.projectId, table.name),
    index('goals_by_age').on(table.projectId, table.createdAt, table.id),
  ],
);

/** A row as the server works with it. */
export const toGoal = ({ event, page, filters, value, ...row }: typeof goals.$inferSelect): Goal => ({
  id: row.id,
  name: row.name,
  ...(event === null ? {} : { event }),
  ...(page === null ? {} : { page }),
  ...(filters === null ? {} : { filters }),
  ...(value === null ? {} : { value }),
  createdAt: row.createdAt.getTime(),
  updatedAt: row.updatedAt.getTime(),
});

/** A goal as a row, without its project. */
export const toRow = (goal: Goal): Omit<typeof goals.$inferInsert, 'projectId'> => ({
  id: goal.id,
  name: goal.name,
  event: goal.event ?? null,
  page: goal.page ?? null,
  filters: goal.filters === undefined ? null : [...goal.filters],
  value: goal.value ?? null,
  createdAt: new Date(goal.createdAt),
  updatedAt: new Date(goal.updatedAt),
});
