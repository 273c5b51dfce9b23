// Which tables hold keys, what changed about them, what was counted and what was answered?
import {
  bigint,
  boolean,
  char,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core';
import { bytea } from '../platform/postgres/columns';
import { projects } from '../projects/projects.schema';
import type { ProjectKeyKind, Scope } from './auth.types';

/** Keys of projects. Only what recognises a text is kept, never the text. */
export const apiKeys = pgTable(
  'api_keys',
  {
    id: uuid().primaryKey(),
    projectId: uuid()
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    kind: text().$type<ProjectKeyKind>().notNull(),
    name: text().notNull(),
    scopes: text().array().$type<Scope[]>().notNull(),
    hash: bytea().notNull().unique(),
    prefix: text().notNull(),
    last4: char({ length: 4 }).notNull(),
    createdAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
    /** The key works before this moment; null: for good. Rotation sets it to the end of the grace. */
    expiresAt: timestamp({ withTimezone: true, precision: 3 }),
    revokedAt: timestamp({ withTimezone: true, precision: 3 }),
    /** The key that took this one's place. */
    rotatedTo: uuid(),
    lastUsedAt: timestamp({ withTimezone: true, precision: 3 }),
  },
  (table) => [index('api_keys_of_project').on(table.projectId, table.createdAt, table.id)],
);

/** The instance's own key, if it was not given by the configuration: at most one row. */
export const rootKeys = pgTable('root_keys', {
  id: smallint().primaryKey(),
  hash: bytea().notNull(),
  prefix: text().notNull(),
  last4: char({ length: 4 }).notNull(),
  createdAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
});

/** The number of the last change to projects or keys: its row lock puts changes in the order in which they commit. */
export const authClock = pgTable('auth_clock', {
  id: smallint().primaryKey(),
  version: bigint({ mode: 'number' }).notNull(),
});

/** Which project (or its keys) each change was about; every process reads on from the last one it knows. */
export const authChanges = pgTable('auth_changes', {
  version: bigint({ mode: 'number' }).primaryKey(),
  projectId: uuid().notNull(),
  at: timestamp({ withTimezone: true, precision: 3 }).notNull().defaultNow(),
});

/** Requests and events counted by all processes together, per bucket and window. */
export const throttleCounts = pgTable(
  'throttle_counts',
  {
    bucket: text().notNull(),
    /** Start and end of the window, seconds since the epoch. */
    windowStart: bigint({ mode: 'number' }).notNull(),
    windowEnd: bigint({ mode: 'number' }).notNull(),
    count: bigint({ mode: 'number' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.bucket, table.windowStart] }),
    index('throttle_counts_by_end').on(table.windowEnd),
  ],
);

/** Creates that brought an `Idempotency-Key`, and what they were answered. */
export const idempotentRequests = pgTable(
  'idempotent_requests',
  {
    /** "root" or a project's id. */
    owner: text().notNull(),
    key: text().notNull(),
    /** SHA-256 of method, path, chosen project and body. */
    requestHash: bytea().notNull(),
    /** Null while the first request still runs. */
    status: integer(),
    /** The body, sealed with a key that only the API key's text gives: answers hold texts of keys. */
    sealedBody: bytea(),
    headers: jsonb().$type<Record<string, string>>(),
    /** The answer is about a person, and goes when one of the project is erased. */
    personal: boolean().notNull().default(false),
    startedAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
    expiresAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.owner, table.key] }),
    index('idempotent_requests_by_expiry').on(table.expiresAt),
  ],
);
