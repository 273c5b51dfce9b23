// What of events lives in Postgres? Blocks that wait for the warehouse, and the salts of derived visitors.
import { bigint, bigserial, date, integer, pgTable, timestamp } from 'drizzle-orm/pg-core';
import { bytea } from '../platform/postgres/columns';

/** Blocks that were acknowledged while ClickHouse could not take them, oldest first. */
export const ingestSpool = pgTable('ingest_spool', {
  id: bigserial({ mode: 'number' }).primaryKey(),
  createdAt: timestamp({ withTimezone: true, precision: 3 }).notNull().defaultNow(),
  /** Events and rejects in it. */
  rows: integer().notNull(),
  /** Size of `body`. */
  bytes: bigint({ mode: 'number' }).notNull(),
  /** A block as JSON, gzipped: see block.ts. */
  body: bytea().notNull(),
  /** When it was found that nobody can read it; it is kept aside then, and holds up no other. */
  damagedAt: timestamp({ withTimezone: true, precision: 3 }),
});

/** One random salt for each day of which a derived visitor was seen; gone two days after it was made. */
export const visitorSalts = pgTable('visitor_salts', {
  /** UTC day of the events. */
  day: date({ mode: 'string' }).primaryKey(),
  salt: bytea().notNull(),
  createdAt: timestamp({ withTimezone: true, precision: 3 }).notNull().defaultNow(),
});
