// What that was derived has to go when a visitor goes? Rows that were worked out from events that are gone now, the current and the replaced.
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { and, eq, gt, lt, lte, or, type SQL, sql } from 'drizzle-orm';
import { coalesce, DAY_MS, shared, type TimeRange } from '../common/time-range';
import {
  eventHorizons,
  type GoneVisitors,
  type HiddenVisitors,
  staleRanges,
  type VisitorEraser,
  VisitorErasers,
} from '../events';
import { ClickHouse } from '../platform/clickhouse/clickhouse';
import { Postgres } from '../platform/postgres/postgres';
import { rollupCells, rollupMonths } from './aggregation.schema';
import {
  DERIVED_TABLES,
  type DerivedTable,
  type DoomedVersions,
  eraseVersions,
  partitionsWith,
} from './rollup.queries';
import { pointedVersions } from './versions';

const TIMEOUT_MS = 600_000;
/** Stretches of one statement. */
const TOGETHER = 200;
/** A row lies where its stretch begins: that of a month, so long before what it is of. */
const LONGEST_MS = 32 * DAY_MS;

@Injectable()
export class VisitorRollupsEraser implements VisitorEraser, OnModuleInit {
  constructor(
    private readonly erasers: VisitorErasers,
    private readonly clickhouse: ClickHouse,
    private readonly postgres: Postgres,
  ) {}

  onModuleInit(): void {
    this.erasers.add(this);
  }

  /** Takes away the pointers to every derived row around the touched stretches; their events are hidden already. Until the stretches are
   *  derived again, readers take the raw events. Repeatable. */
  async eraseVisitors({ project: { number }, touched }: GoneVisitors): Promise<void> {
    if (touched.length === 0) return;
    const last = await this.#lastVersion(number);
    if (last !== undefined) await this.#dropCells(number, touched, last);
  }

  /** Deletes those rows, and the replaced ones. Whoever saw a pointer has read its rows to the end. Repeatable. */
  async purgeVisitors(hidden: readonly HiddenVisitors[]): Promise<void> {
    // A step that read the events before they were hidden has ended, and may have pointed at what it made of them.
    for (const { project, touched, derivedUpTo } of hidden) await this.#dropCells(project.number, touched, derivedUpTo);
    await this.#deleteRows(hidden);
  }

  /** The last version that there is; a later one is worked out from what is there now. undefined: nothing was ever derived. */
  async #lastVersion(project: number): Promise<number | undefined> {
    const { rows } = await this.postgres.run((db) =>
      db.execute<{ last: string }>(
        sql`SELECT (SELECT last_value FROM rollup_versions) AS last FROM ${eventHorizons} WHERE project = ${project}`,
      ),
    );
    return rows[0] === undefined ? undefined : Number(rows[0].last);
  }

  /** Takes the pointers away. A cell is wider than what is stale in it, so all of it is to be derived again.
   *  TRICKY: the horizon's row is locked first, as everybody does who changes pointers. */
  async #dropCells(project: number, touched: readonly TimeRange[], last: number): Promise<void> {
    for (let at = 0; at < touched.length; at += TOGETHER) {
      const some = touched.slice(at, at + TOGETHER);
      await this.postgres.transaction(async (db) => {
        await db.select().from(eventHorizons).where(eq(eventHorizons.project, project)).for('update');
        const { cells, months } = pointersOf(project, some);
        await db.delete(rollupMonths).where(and(lte(rollupMonths.version, last), months));
        const gone = await db
          .delete(rollupCells)
          // Of a cell that was derived anew since the copy may be older.
          .where(and(or(lte(rollupCells.version, last), lte(rollupCells.copyVersion, last)), cells))
          .returning({ from: rollupCells.from, to: rollupCells.to });
        if (gone.length === 0) return;
        await db
          .insert(staleRanges)
          .values(gone.map(({ from, to }) => ({ project, from, to, until: sql`now()` })))
          .onConflictDoUpdate({
            target: [staleRanges.project, staleRanges.from, staleRanges.to],
            set: { until: sql`greatest(${staleRanges.until}, excluded.until)` },
          });
        await db
          .update(eventHorizons)
          .set({ revision: sql`${eventHorizons.revision} + 1` })
          .where(eq(eventHorizons.project, project));
      });
    }
  }

  /** Replaced versions too, which nothing points at. */
  async #deleteRows(hidden: readonly HiddenVisitors[]): Promise<void> {
    const doomed: DoomedVersions[] = [];
    for (const { project, touched, derivedUpTo } of hidden) {
      const wide = coalesce(touched.map(({ from, to }) => ({ from: from - LONGEST_MS, to: to + DAY_MS })));
      for (let at = 0; at < wide.length; at += TOGETHER) {
        const ranges = wide.slice(at, at + TOGETHER);
        const kept = [0, ...(await pointedVersions(this.postgres, pointersOf(project.number, ranges)))];
        doomed.push({ project: project.number, ranges, last: derivedUpTo, kept });
      }
    }
    for (const table of DERIVED_TABLES)
      for (const partition of await this.#partitionsOf(table, doomed))
        for (const some of portions(inPartition(doomed, partition)))
          await this.clickhouse.run(eraseVersions(table, partition, some), { background: true, timeoutMs: TIMEOUT_MS });
  }

  async #partitionsOf(table: DerivedTable, doomed: readonly DoomedVersions[]): Promise<number[]> {
    const partitions = new Set<number>();
    for (const number of new Set(doomed.map(({ project }) => project)))
      for (const { partition } of await this.clickhouse.rows<{ partition: number }>(partitionsWith(table, number), {
        purpose: 'erase visitors',
        background: true,
      }))
        partitions.add(partition);
    return [...partitions].sort((a, b) => a - b);
  }
}

/** Pointers of a project that overlap some stretches, of which there is one at the least. */
const pointersOf = (project: number, ranges: readonly TimeRange[]): { cells: SQL; months: SQL } => {
  const of = (table: typeof rollupCells | typeof rollupMonths): SQL => {
    const overlapping = ranges.map(({ from, to }) => and(lt(table.from, new Date(to)), gt(table.to, new Date(from))));
    return sql`${and(eq(table.project, project), or(...overlapping))}`;
  };
  return { cells: of(rollupCells), months: of(rollupMonths) };
};

/** The time of a partition of a year (YYYY) or a month (YYYYMM). */
const timeOf = (partition: number): TimeRange => {
  if (partition < 10_000) return { from: Date.UTC(partition, 0), to: Date.UTC(partition + 1, 0) };
  const [year, month] = [Math.floor(partition / 100), partition % 100];
  return { from: Date.UTC(year, month - 1), to: Date.UTC(year, month) };
};

/** Those with stretches in a partition, and no others. */
const inPartition = (doomed: readonly DoomedVersions[], partition: number): DoomedVersions[] =>
  doomed
    .map((one) => ({
      ...one,
      ranges: one.ranges.filter((range) => shared(range, timeOf(partition)) !== undefined),
    }))
    .filter(({ ranges }) => ranges.length > 0);

/** As many as one statement takes. */
function* portions(doomed: readonly DoomedVersions[]): Generator<DoomedVersions[]> {
  let some: DoomedVersions[] = [];
  for (const one of doomed) {
    if (some.length > 0 && some.reduce((sum, { ranges }) => sum + ranges.length, one.ranges.length) > TOGETHER) {
      yield some;
      some = [];
    }
    some.push(one);
  }
  if (some.length > 0) yield some;
}
