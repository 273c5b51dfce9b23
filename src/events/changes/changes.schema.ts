// How far is each project derived, and where did its events change behind that point? Writers and the refresher meet in these tables.
import { bigint, index, integer, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import { projects } from '../../projects/projects.schema';

const moment = () => timestamp({ withTimezone: true, precision: 3 });

const projectNumber = () =>
  integer()
    .notNull()
    .references(() => projects.number, { onDelete: 'cascade' });

/** How far each project is derived. A project without a row has nothing derived. */
export const eventHorizons = pgTable('event_horizons', {
  project: integer()
    .primaryKey()
    .references(() => projects.number, { onDelete: 'cascade' }),
  /** What is derived reflects exactly the events before this moment, but for the stale ranges. Null: nothing is derived yet. */
  horizon: moment(),
  /** The horizon that was announced last: events before it are late, and writers mark them before they store them. */
  closing: moment(),
  closingAt: moment(),
  /** The earliest beginning of a session that is still open at the horizon. */
  openFrom: moment(),
  /** Zone whose local days the cells are. */
  zone: text(),
  /** One more with every change of horizon, cells or stale ranges. */
  revision: bigint({ mode: 'number' }).notNull().default(0),
  /** Events stored since the horizon last moved, roughly: each process adds its own every few seconds. */
  pending: bigint({ mode: 'number' }).notNull().default(0),
  pendingSince: moment(),
});

/** Stretches in which events changed, half-open: read from the raw events until they were derived again. What a patient writer marks
 *  may also lie at or after `closing`, or belong to a project that has no horizon yet: it counts as soon as the horizon has passed it. */
export const staleRanges = pgTable(
  'stale_ranges',
  {
    project: projectNumber(),
    from: moment().notNull(),
    to: moment().notNull(),
    /** The change may be under way until then, by the database's clock. Nobody deletes a range before, nor one whose `until` is no
     *  longer the one that was read before the events were. */
    until: moment().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.project, table.from, table.to] }),
    index('stale_ranges_by_until').on(table.project, table.until),
  ],
);

/** Visitors that were seen with a user for the first time, or earlier than known: their events changed hands. */
export const staleVisitors = pgTable(
  'stale_visitors',
  {
    project: projectNumber(),
    /** The visitor's hash as decimal text. */
    visitor: text().notNull(),
    /** The link is stored by then, by the database's clock; before that nobody could see which events it moves. */
    until: moment().notNull(),
  },
  (table) => [primaryKey({ columns: [table.project, table.visitor] })],
);
