// Which tables hold funnels? A funnel is its name; what it looks for is a revision, and revisions are never changed.
import {
  boolean,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { projects } from '../projects/projects.schema';
import type { ExclusionWish } from './funnel.definition';
import type { FunnelMode, FunnelUnit } from './funnel.types';

/** Funnels. `revision` is the one that is asked where none is named. */
export const funnels = pgTable(
  'funnels',
  {
    id: uuid().primaryKey(),
    projectId: uuid()
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    name: text().notNull(),
    revision: integer().notNull(),
    createdAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
    updatedAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
  },
  (table) => [
    uniqueIndex('funnels_by_name').on(table.projectId, table.name),
    index('funnels_by_age').on(table.projectId, table.createdAt, table.id),
  ],
);

/** What a funnel looked for from a change to the next; 1 is the first. */
export const funnelRevisions = pgTable(
  'funnel_revisions',
  {
    funnelId: uuid()
      .notNull()
      .references(() => funnels.id, { onDelete: 'cascade' }),
    revision: integer().notNull(),
    mode: text().$type<FunnelMode>().notNull(),
    windowSeconds: integer().notNull(),
    countBy: text().$type<FunnelUnit>().notNull(),
    exclusions: jsonb().$type<ExclusionWish[]>().notNull(),
    holdConstant: text().array().notNull(),
    createdAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.funnelId, table.revision] })],
);

/** Steps of a revision, in order of `position`. One of `event`, `page` and `goal` is set. */
export const funnelSteps = pgTable(
  'funnel_steps',
  {
    funnelId: uuid().notNull(),
    revision: integer().notNull(),
    /** 1 is the first. */
    position: integer().notNull(),
    name: text(),
    event: text(),
    page: text(),
    /** Its id. Not a reference: a goal may go, and the funnel says so when it is asked. */
    goal: uuid(),
    /** The tree as it was sent. */
    filters: jsonb().$type<unknown[]>(),
    optional: boolean().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.funnelId, table.revision, table.position] }),
    foreignKey({
      name: 'funnel_steps_of_revision',
      columns: [table.funnelId, table.revision],
      foreignColumns: [funnelRevisions.funnelId, funnelRevisions.revision],
    }).onDelete('cascade'),
  ],
);
