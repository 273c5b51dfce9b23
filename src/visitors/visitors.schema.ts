// Which table holds what a project says about its users?
import { jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { projects } from '../projects/projects.schema';

/** Traits of users. They go with their project. */
export const visitorTraits = pgTable(
  'visitor_traits',
  {
    projectId: uuid()
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    /** Hash of the `userId`, 16 hexadecimal digits: the same as in events. */
    visitor: text().notNull(),
    traits: jsonb().$type<Record<string, string | number | boolean | null>>().notNull(),
    updatedAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.visitor] })],
);
