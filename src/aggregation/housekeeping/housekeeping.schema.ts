// When was which chore done, to what? Kept so that a restart does not do a day's work again, and so that one worker does it.
import { jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';

/** Notes of the server's own chores. A chore's lease is a note too. */
export const choreNotes = pgTable(
  'chore_notes',
  {
    chore: text().notNull(),
    /** What it was done to: a partition, a project, or empty for all. */
    subject: text().notNull(),
    /** When it was done; of a lease, until when it holds. */
    at: timestamp({ withTimezone: true, precision: 3 }).notNull(),
    /** What the chore wants to remember until its next run. */
    detail: jsonb().$type<unknown>(),
  },
  (table) => [primaryKey({ columns: [table.chore, table.subject] })],
);
