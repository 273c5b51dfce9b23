// Which tables hold who watches a project live, and the tickets that let a browser in?
import { index, integer, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { bytea } from '../platform/postgres/columns';
import { projects } from '../projects/projects.schema';

/** Processes with streams of a project. Whoever stores its events publishes them to others only while there is one. */
export const liveInterests = pgTable(
  'live_interests',
  {
    /** The project's number in the warehouse. */
    project: integer().notNull(),
    process: text().notNull(),
    until: timestamp({ withTimezone: true, precision: 3 }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.project, table.process] })],
);

/** Tickets that were not used yet. Only what recognises one is kept. */
export const realtimeTickets = pgTable(
  'realtime_tickets',
  {
    hash: bytea().primaryKey(),
    projectId: uuid()
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    /** The key that made it: "root" or the id of a key. */
    keyId: text().notNull(),
    expiresAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
  },
  (table) => [index('realtime_tickets_by_expiry').on(table.expiresAt)],
);
