// Who was erased, and who is being? What keeps an erased visitor from coming back, and the work that is not done yet.
import { bigint, index, integer, jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { projects } from '../../projects/projects.schema';

const moment = () => timestamp({ withTimezone: true, precision: 3 });

const projectNumber = () =>
  integer()
    .notNull()
    .references(() => projects.number, { onDelete: 'cascade' });

/** Visitors that were erased, by a mark that can be made of a hash but leads back to none. For good: a batch may come again at any time. */
export const erasedVisitors = pgTable(
  'erased_visitors',
  {
    project: projectNumber(),
    /** See `erasureMark`. */
    mark: text().notNull(),
    /** Events up to this moment are gone, and are not taken in again. */
    erasedAt: moment().notNull(),
    /** When this row last changed, by the database's clock: processes read what is new to them. */
    changedAt: moment().notNull().defaultNow(),
    /** When the last row of the visitor was gone; null: the work is under way. */
    settledAt: moment(),
  },
  (table) => [
    primaryKey({ columns: [table.project, table.mark] }),
    index('erased_visitors_by_change').on(table.changedAt),
  ],
);

/** Hashes whose rows are to be deleted. Gone with the last of these rows: afterwards no table holds the hash. */
export const visitorErasures = pgTable(
  'visitor_erasures',
  {
    id: uuid().primaryKey(),
    project: projectNumber(),
    /** 16 hexadecimal digits. */
    visitor: text().notNull(),
    /** The job that waits for it; null: nobody does. */
    job: uuid(),
    erasedAt: moment().notNull(),
    createdAt: moment().notNull().defaultNow(),
    /** Who works on it, and until when that holds unless it says so again. */
    claim: uuid(),
    claimedUntil: moment(),
    /** Stretches from which events were taken, as [from, to] in milliseconds: known before the events go. Of all that were worked on with it. */
    touched: jsonb().$type<[from: number, to: number][]>(),
    /** Since when no question finds a row, and nothing that was under way then can add one; null: some may. */
    hiddenAt: moment(),
    /** Derived rows up to this version may have been worked out from events that are hidden now. */
    derivedUpTo: bigint({ mode: 'number' }),
  },
  (table) => [
    index('visitor_erasures_of_project').on(table.project, table.createdAt),
    index('visitor_erasures_of_job').on(table.job),
  ],
);

/** Ids of erased events whose time would be another one if they came again: of these the time does not say that they are old. */
export const erasedEvents = pgTable(
  'erased_events',
  {
    project: projectNumber(),
    event: uuid().notNull(),
    erasedAt: moment().notNull(),
  },
  (table) => [primaryKey({ columns: [table.project, table.event] }), index('erased_events_by_age').on(table.erasedAt)],
);
