// Which statements keep the warehouse in order? Pure: what the chores ask and say, each for one thing.
import { DERIVED_TABLES, type DerivedTable } from '../rollup.queries';
import { Bound, ident, instant, join, Sql, sql, uint32 } from '../../platform/clickhouse/sql';

/** The tables that are watched; no other name becomes a label of a metric. */
export const WATCHED_TABLES = [
  'events',
  'visitor_links',
  'rejected_events',
  'rollup_totals',
  'rollup_values',
  'sampled_events',
  'event_sequences',
] as const;

/** A month of events on disk. */
export interface MonthRow {
  /** YYYYMM */
  month: string;
  parts: number;
  bytes: number;
  /** Of its latest part, milliseconds. */
  changed: number;
  /** Parts with rows that are deleted but not gone. */
  masked: number;
}

/** Months of events, oldest first. */
export const monthsOnDisk = sql`
  SELECT partition AS month, count() AS parts, sum(bytes_on_disk) AS bytes,
         toUnixTimestamp(max(modification_time)) * 1000 AS changed, countIf(has_lightweight_delete) AS masked
  FROM system.parts
  WHERE database = currentDatabase() AND table = 'events' AND active
  GROUP BY partition
  ORDER BY partition`;

/** A name of the engine's own, in a clause that takes no bound value. */
const own = (name: string | number, pattern: RegExp): Sql => {
  if (!pattern.test(String(name))) throw new Error('A name must come from the engine itself');
  return new Sql([String(name)], []);
};
const month = (name: string | number): Sql => own(name, /^\d{6}$/);

export const mergeMonth = (name: string): Sql => sql`OPTIMIZE TABLE events PARTITION ${month(name)} FINAL`;

/** Takes deleted rows off the disk. */
export const clearMonth = (name: string): Sql =>
  sql`ALTER TABLE events APPLY DELETED MASK IN PARTITION ${month(name)} SETTINGS mutations_sync = 2`;

/** A partition of derived rows on disk, in several parts. */
export interface DerivedOnDisk {
  table: DerivedTable;
  /** YYYY, or YYYYMM */
  partition: string;
  bytes: number;
}

/** Partitions of derived rows that are in several parts, most parts first. */
export const derivedOnDisk = sql`
  SELECT table, partition, sum(bytes_on_disk) AS bytes
  FROM system.parts
  WHERE database = currentDatabase() AND table IN ${new Bound('Array(String)', DERIVED_TABLES)} AND active
  GROUP BY table, partition
  HAVING count() > 1
  ORDER BY count() DESC, table, partition`;

export const mergeDerived = ({ table, partition }: DerivedOnDisk): Sql =>
  sql`OPTIMIZE TABLE ${ident(table)} PARTITION ${own(partition, /^\d{4}(\d{2})?$/)} FINAL`;

/** What of a project is too old. */
export interface Expiry {
  readonly project: number;
  /** Events before this are to go, milliseconds. */
  readonly before: number;
}

const expired = (expiries: readonly Expiry[]): Sql =>
  join(
    expiries.map(({ project, before }) => sql`(project_id = ${uint32(project)} AND ts < ${instant(before)})`),
    ' OR ',
  );
const projectsOf = (expiries: readonly Expiry[]): Bound =>
  new Bound(
    'Array(UInt32)',
    expiries.map(({ project }) => project),
  );
const latest = (expiries: readonly Expiry[]): number => Math.max(...expiries.map(({ before }) => before));

/** Months that hold expired events of these projects. */
export const expiredMonths = (expiries: readonly Expiry[]): Sql => sql`
  SELECT DISTINCT toYYYYMM(ts) AS month
  FROM events
  WHERE project_id IN ${projectsOf(expiries)} AND ts < ${instant(latest(expiries))}
    AND toDate(ts) <= toDate(${instant(latest(expiries))}) AND (${expired(expiries)})
  ORDER BY month`;

/** What the parts of a month hold: the latest event of each project in each. */
export const partsOfMonth = (name: number): Sql => sql`
  SELECT _part AS part, project_id AS project, toUnixTimestamp64Milli(max(ts)) AS latest
  FROM events
  WHERE _partition_id = ${new Bound('String', String(name))}
  GROUP BY part, project`;

/** Drops a part by the name under which it was looked at: rows that came since are in another one. */
export const dropPart = (part: string): Sql =>
  sql`ALTER TABLE events DROP PART '${own(part, /^[A-Za-z0-9_-]{1,200}$/)}'`;

/** Deletes what is expired in a month. */
export const deleteExpired = (name: number, expiries: readonly Expiry[]): Sql => sql`
  DELETE FROM events IN PARTITION ${month(name)}
  WHERE ${expired(expiries)}
  SETTINGS lightweight_deletes_sync = 2`;

/** Versions that have rows. Totals are written first and deleted last. */
export const versionsWithRows = sql`
  SELECT version FROM rollup_totals GROUP BY version
  UNION DISTINCT
  SELECT version FROM sampled_events GROUP BY version
  UNION DISTINCT
  SELECT version FROM event_sequences GROUP BY version`;

/** Deletes copies for good: rows that are only hidden would stay when their visitors are erased. They are few. */
export const deleteCopies = (table: 'sampled_events' | 'event_sequences', versions: readonly number[]): Sql => sql`
  ALTER TABLE ${ident(table)} DELETE
  WHERE version IN ${new Bound('Array(UInt64)', versions)}
  SETTINGS mutations_sync = 2`;

export const deleteVersions = (table: 'rollup_totals' | 'rollup_values', versions: readonly number[]): Sql => sql`
  DELETE FROM ${ident(table)}
  WHERE version IN ${new Bound('Array(UInt64)', versions)}
  SETTINGS lightweight_deletes_sync = 2`;

/** Parts, rows and bytes of the watched tables, and the partition with most parts. */
export const tablesOnDisk = sql`
  SELECT table, sum(here.1) AS parts, sum(here.2) AS rows, sum(here.3) AS bytes, max(here.1) AS most
  FROM (
    SELECT table, (count(), sum(system.parts.rows), sum(bytes_on_disk)) AS here
    FROM system.parts
    WHERE database = currentDatabase() AND active
      AND table IN ${new Bound('Array(String)', WATCHED_TABLES)}
    GROUP BY table, partition
  )
  GROUP BY table`;

/** Partitions with more parts than is good. */
export const crowdedPartitions = (most: number): Sql => sql`
  SELECT table, partition, count() AS parts
  FROM system.parts
  WHERE database = currentDatabase() AND active
  GROUP BY table, partition
  HAVING parts > ${uint32(most)}`;

/** Room on the disks, the fullest first. A disk of unlimited size says so with 2^64-1. */
export const disks = sql`
  SELECT name, toFloat64(free_space) AS free, toFloat64(total_space) AS total
  FROM system.disks
  WHERE NOT is_remote AND total_space > 0
  ORDER BY free / total`;
