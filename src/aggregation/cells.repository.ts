// Which cells count, and how do they change? All SQL that reads and switches pointers; each change is one transaction.
import { Injectable } from '@nestjs/common';
import { and, asc, desc, eq, gt, gte, lt, lte, sql } from 'drizzle-orm';
import type { TimeRange } from '../common/time-range';
import { eventHorizons as horizons, staleRanges } from '../events/changes/changes.schema';
import { Postgres, type Db } from '../platform/postgres/postgres';
import { toRebuild, type ProjectState } from './aggregation.repository';
import { rollupCells } from './aggregation.schema';
import { type Cell, cellCopy } from './cells';
import type { StaleRange } from './step-plan';
import { newVersions } from './versions';

/** What one step changes about a project. */
export interface Change {
  /** What the step saw when it began; where that is no longer so, nothing is changed. */
  readonly seen: ProjectState;
  readonly gone: readonly Cell[];
  readonly made: readonly Cell[];
  readonly staleGone: readonly StaleRange[];
  readonly staleLeft: readonly StaleRange[];
  readonly horizon: number;
  readonly openFrom: number;
  /** Events before the new horizon that were after the old one; undefined: the horizon stays. */
  readonly passed?: number;
}

/** How many stale ranges a step looks at. */
const MOST_STALE = 5_000;
/** Rows of one INSERT: Postgres takes 65,535 values. */
const ROWS_A_STATEMENT = 5_000;

/** Ends a transaction whose change is out of date. */
class Outdated extends Error {}

@Injectable()
export class CellsRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Cells that overlap a range, oldest first. */
  async cells(project: number, range: TimeRange): Promise<Cell[]> {
    const rows = await this.postgres.run((db) =>
      db
        .select()
        .from(rollupCells)
        .where(
          and(
            eq(rollupCells.project, project),
            lt(rollupCells.from, new Date(range.to)),
            gt(rollupCells.to, new Date(range.from)),
          ),
        )
        .orderBy(asc(rollupCells.from)),
    );
    return rows.map(toCell);
  }

  /** Cells that begin at or after a moment, oldest first. */
  async cellsFrom(project: number, from: number, limit: number): Promise<Cell[]> {
    const rows = await this.postgres.run((db) =>
      db
        .select()
        .from(rollupCells)
        .where(and(eq(rollupCells.project, project), gte(rollupCells.from, new Date(from))))
        .orderBy(asc(rollupCells.from))
        .limit(limit),
    );
    return rows.map(toCell);
  }

  /** Any cells that have rows, of any projects. @param mostEvents larger ones take too long to be looked at in passing */
  async someCells(count: number, mostEvents: number): Promise<(Cell & { readonly project: number })[]> {
    const rows = await this.postgres.run((db) =>
      db
        .select()
        .from(rollupCells)
        .where(and(rollupCells.detailed, lte(rollupCells.events, mostEvents)))
        .orderBy(sql`random()`)
        .limit(count),
    );
    return rows.map((row) => ({ ...toCell(row), project: row.project }));
  }

  /** Stale ranges whose change is over by now, latest first. */
  async stale(project: number): Promise<StaleRange[]> {
    const rows = await this.postgres.run((db) =>
      db
        .select()
        .from(staleRanges)
        .where(and(eq(staleRanges.project, project), lt(staleRanges.until, sql`now()`)))
        .orderBy(desc(staleRanges.to))
        .limit(MOST_STALE),
    );
    return rows.map(({ from, to, until }) => ({ from: from.getTime(), to: to.getTime(), until: until.getTime() }));
  }

  /** New versions, no two ever alike. */
  versions(count: number): Promise<number[]> {
    return newVersions(this.postgres, count);
  }

  /** Switches everything that a step changed, at once.
   *  @returns false: another step was faster, nothing was changed */
  async commit(change: Change): Promise<boolean> {
    const { seen, gone, made, horizon, openFrom, passed } = change;
    return this.#ifCurrent(seen, async (db) => {
      await removeCells(db, seen.project, gone);
      await refuseOverlaps(db, seen.project, made);
      await addCells(db, seen.project, made);
      await changeStale(db, change);
      await db
        .update(horizons)
        .set({
          horizon: new Date(horizon),
          openFrom: new Date(openFrom),
          revision: sql`${horizons.revision} + 1`,
          ...(passed === undefined ? {} : stillPending(passed)),
        })
        .where(eq(horizons.project, seen.project));
    });
  }

  /** Begins anew: all cells go, and every day that holds events is to be derived again.
   *  @param days stretches that hold all events before the horizon
   *  @returns false: another step was faster, nothing was changed */
  async restart(
    seen: ProjectState,
    { horizon, openFrom, days }: { horizon: number; openFrom: number; days: readonly TimeRange[] },
  ): Promise<boolean> {
    return this.#ifCurrent(seen, async (db) => {
      await db.delete(rollupCells).where(eq(rollupCells.project, seen.project));
      for (const some of inParts(days.map(toRebuild(seen.project))))
        await db.insert(staleRanges).values(some).onConflictDoNothing();
      await db
        .update(horizons)
        .set({
          horizon: new Date(horizon),
          openFrom: new Date(openFrom),
          zone: seen.timezone,
          revision: sql`${horizons.revision} + 1`,
          ...(seen.horizon === null ? { pending: 0, pendingSince: null } : {}),
        })
        .where(eq(horizons.project, seen.project));
    });
  }

  /** Does work under the project's lock, if the project still is where it was seen. */
  async #ifCurrent(seen: ProjectState, work: (db: Db) => Promise<void>): Promise<boolean> {
    try {
      await this.postgres.transaction(async (db) => {
        const [now] = await db
          .select({ horizon: horizons.horizon, closing: horizons.closing, zone: horizons.zone })
          .from(horizons)
          .where(eq(horizons.project, seen.project))
          .for('update');
        const same =
          now !== undefined &&
          (now.horizon?.getTime() ?? null) === seen.horizon &&
          (now.closing?.getTime() ?? null) === seen.closing &&
          now.zone === seen.zone;
        if (!same) throw new Outdated();
        await work(db);
      });
      return true;
    } catch (error) {
      if (error instanceof Outdated) return false;
      throw error;
    }
  }
}

/** What was stored after the new horizon still waits. Late events are counted in `pending` too: an empty move clears what they leave. */
const stillPending = (passed: number) => {
  const rest = passed === 0 ? sql`0` : sql`greatest(${horizons.pending} - ${passed}, 0)`;
  return { pending: rest, pendingSince: sql`CASE WHEN ${rest} > 0 THEN now() END` };
};

async function removeCells(db: Db, project: number, cells: readonly Cell[]): Promise<void> {
  if (cells.length === 0) return;
  const { rowCount } = await db.execute(sql`
    DELETE FROM ${rollupCells} WHERE project = ${project} AND (version, "from") IN (
      SELECT * FROM unnest(${sql.param(cells.map(({ version }) => version))}::bigint[], ${moments(cells.map(({ from }) => from))}))`);
  if (rowCount !== cells.length) throw new Outdated();
}

/** TRICKY: two steps that fill the same hole replace no cell of each other; without this both would count. */
async function refuseOverlaps(db: Db, project: number, cells: readonly Cell[]): Promise<void> {
  if (cells.length === 0) return;
  const { rows } = await db.execute(sql`
    SELECT 1 FROM ${rollupCells} AS kept
    JOIN unnest(${moments(cells.map(({ from }) => from))}, ${moments(cells.map(({ to }) => to))}) AS made (begins, ends)
      ON kept."from" < made.ends AND kept."to" > made.begins
    WHERE kept.project = ${project} LIMIT 1`);
  if (rows.length > 0) throw new Outdated();
}

async function addCells(db: Db, project: number, cells: readonly Cell[]): Promise<void> {
  const rows = cells.map(({ from, to, version, events, detailed, skipped, copy }) => ({
    project,
    from: new Date(from),
    to: new Date(to),
    version,
    events,
    detailed,
    skipped: [...skipped],
    ...(copy === undefined ? {} : { copyVersion: copy.version, copyOf: copy.of, hasSequences: copy.sequences }),
  }));
  for (const some of inParts(rows)) await db.insert(rollupCells).values(some);
}

/** A range that was marked again meanwhile has another `until`: it stays as it is. */
async function changeStale(db: Db, { seen: { project }, staleGone, staleLeft }: Change): Promise<void> {
  if (staleGone.length === 0) return;
  const { rows } = await db.execute<{ begins: string; ends: string }>(sql`
    DELETE FROM ${staleRanges} WHERE project = ${project} AND ("from", "to", until) IN (
      SELECT * FROM unnest(${moments(staleGone.map(({ from }) => from))}, ${moments(staleGone.map(({ to }) => to))}, ${moments(staleGone.map(({ until }) => until))}))
    RETURNING (extract(epoch FROM "from") * 1000)::bigint AS begins, (extract(epoch FROM "to") * 1000)::bigint AS ends`);
  const left = staleLeft.filter((rest) =>
    rows.some(({ begins, ends }) => Number(begins) <= rest.from && Number(ends) >= rest.to),
  );
  const values = [...distinct(left)].map(({ from, to, until }) => ({
    project,
    from: new Date(from),
    to: new Date(to),
    until: new Date(until),
  }));
  for (const some of inParts(values))
    await db
      .insert(staleRanges)
      .values(some)
      .onConflictDoUpdate({
        target: [staleRanges.project, staleRanges.from, staleRanges.to],
        set: { until: sql`greatest(${staleRanges.until}, excluded.until)` },
      });
}

/** TRICKY: two ranges may leave the same rest, and one statement must not insert a row twice. */
const distinct = (ranges: readonly StaleRange[]): Iterable<StaleRange> => {
  const latest = new Map<string, StaleRange>();
  for (const range of ranges) {
    const key = `${range.from} ${range.to}`;
    if (range.until >= (latest.get(key)?.until ?? -Infinity)) latest.set(key, range);
  }
  return latest.values();
};

const moments = (list: readonly number[]) =>
  sql`${sql.param(list.map((at) => new Date(at).toISOString()))}::timestamptz[]`;

function* inParts<T>(rows: readonly T[]): Generator<T[]> {
  for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT) yield rows.slice(at, at + ROWS_A_STATEMENT);
}

/** A pointer's row as a cell. */
export const toCell = (row: typeof rollupCells.$inferSelect): Cell => ({
  from: row.from.getTime(),
  to: row.to.getTime(),
  version: row.version,
  events: row.events,
  detailed: row.detailed,
  skipped: row.skipped,
  copy: cellCopy(row.copyVersion, row.copyOf, row.hasSequences),
  rollingNext: row.rollingNext ?? undefined,
});
