// Which derived rows count? Pointers from stretches of a project's time to versions of rows in the warehouse.
import { sql } from 'drizzle-orm';
import { bigint, boolean, index, integer, pgSequence, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import { projects } from '../projects/projects.schema';

/** Gives each computation a number of its own, under which its rows are kept. */
export const rollupVersions = pgSequence('rollup_versions');

/** A stretch of a project's time, and under which version its rows are. */
const pointer = () => ({
  project: integer()
    .notNull()
    .references(() => projects.number, { onDelete: 'cascade' }),
  from: timestamp({ withTimezone: true, precision: 3 }).notNull(),
  to: timestamp({ withTimezone: true, precision: 3 }).notNull(),
  /** From `rollup_versions`; rows of other versions are litter. */
  version: bigint({ mode: 'number' }).notNull(),
});

/** Months whose cells were added up. They count as long as those cells are the ones that there are. */
export const rollupMonths = pgTable(
  'rollup_months',
  {
    ...pointer(),
    /** Versions of the cells, oldest first. */
    cells: bigint({ mode: 'number' }).array().notNull(),
    /** Dimensions of which a month does not keep every value with its state. */
    skipped: text().array().notNull(),
    /** Those of them whose values are counted, with states of the first ones alone. Null: rows of a release that counted none; such a release
     *  makes new ones too, and leaves this as it is. */
    counted: text().array(),
    /** Of which version the column before says it. */
    countedOf: bigint({ mode: 'number' }),
  },
  (table) => [primaryKey({ columns: [table.project, table.from] })],
);

/** The cells of a project: disjoint, half-open, never across a local midnight. */
export const rollupCells = pgTable(
  'rollup_cells',
  {
    ...pointer(),
    events: bigint({ mode: 'number' }).notNull(),
    /** False: too few events to keep rows for; the raw events are as quick. */
    detailed: boolean().notNull(),
    /** Dimensions with too many values to keep; `property:*` where there are too many keys. */
    skipped: text().array().notNull(),
    /** From `rollup_versions` as well: under which version the events of some of its visitors are in `sampled_events`. Null: not there. */
    copyVersion: bigint({ mode: 'number' }),
    /** Those of one of so many visitors. */
    copyOf: integer(),
    /** Whether all of its events are in `event_sequences` under the same version. */
    hasSequences: boolean().notNull().default(false),
    /** Visitors of the 24 hours from each quarter hour of the cell on, as far as those end with the next one. Null: not counted. */
    rollingVisitors: integer().array(),
    /** The version that the next cell had then. */
    rollingNext: bigint({ mode: 'number' }),
  },
  (table) => [
    primaryKey({ columns: [table.project, table.from] }),
    // Small cells are never copied, and the large ones soon.
    index('rollup_cells_to_copy')
      .on(table.events)
      .where(sql`NOT has_sequences`),
  ],
);
