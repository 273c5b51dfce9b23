// Which months wait until their cells are added up, and which rows of months count? All SQL that points at them.
import { Injectable } from '@nestjs/common';
import { and, eq, sql } from 'drizzle-orm';
import type { TimeRange } from '../../common/time-range';
import { eventHorizons as horizons, milliseconds, staleRanges } from '../../events/changes';
import { Postgres } from '../../platform/postgres/postgres';
import { projects } from '../../projects/projects.schema';
import { rollupCells, rollupMonths } from '../aggregation.schema';
import { newVersions } from '../versions';
import type { CellsOfMonth } from './months.queries';

interface Row extends Record<string, unknown> {
  project: number;
  from: string;
  to: string;
  cells: string[];
  skipped: string[][];
}

/** A month to add up, and of which dimensions some of its cells keep nothing. */
export type WaitingMonth = CellsOfMonth & { readonly skipped: readonly string[] };

@Injectable()
export class MonthsRepository {
  constructor(private readonly postgres: Postgres) {}

  /** The latest month of a project's zone that is over and derived, and is not added up, or by an older release, or of other cells than it has now. What is stale is
   *  about to be another cell: it waits for that.
   *  @param fewest events of it */
  async next(fewest: number): Promise<WaitingMonth | undefined> {
    const { rows } = await this.postgres.run((db) =>
      db.execute<Row>(sql`
        WITH months AS (
          SELECT cell.project, date_trunc('month', cell."from" AT TIME ZONE known.zone) AS month, known.zone, known.horizon,
            min(cell."from") AS "from", max(cell."to") AS "to", array_agg(cell.version ORDER BY cell."from") AS cells, json_agg(cell.skipped) AS skipped
          FROM ${rollupCells} AS cell JOIN ${horizons} AS known ON known.project = cell.project
          JOIN ${projects} AS project ON project.number = cell.project
          WHERE project.deleted_at IS NULL
          GROUP BY cell.project, month, known.zone, known.horizon
          HAVING sum(cell.events) >= ${fewest} AND count(*) > 1 AND bool_and(cell.detailed))
        SELECT project, ${milliseconds(sql`"from"`)} AS "from", ${milliseconds(sql`"to"`)} AS "to", cells, skipped
        FROM months
        WHERE (month + interval '1 month') AT TIME ZONE zone <= horizon
          AND NOT EXISTS (SELECT 1 FROM ${rollupMonths} AS made
            WHERE made.project = months.project AND made."from" = months."from" AND made.cells = months.cells AND made.counted_of = made.version)
          AND NOT EXISTS (SELECT 1 FROM ${staleRanges} AS stale
            WHERE stale.project = months.project AND stale."from" < months."to" AND stale."to" > months."from")
        ORDER BY "from" DESC, project
        LIMIT 1`),
    );
    const [row] = rows;
    if (row === undefined) return undefined;
    return {
      project: row.project,
      range: { from: Number(row.from), to: Number(row.to) },
      cells: row.cells.map(Number),
      skipped: [...new Set(row.skipped.flat())],
    };
  }

  /** A new version, no two ever alike.
   *  TRICKY: to be taken before cells are looked for: a deletion counts all versions up to its own moment as made of what it deleted. */
  async version(): Promise<number> {
    return Number((await newVersions(this.postgres, 1))[0]);
  }

  /** Makes rows count for a month, if all its cells are still there.
   *  @param kept which dimensions the month does not keep as a whole, and which of them it counts
   *  TRICKY: the horizon's row is locked first, as everybody does who changes pointers.
   *  @returns whether they count */
  async point(
    { project, range, cells }: CellsOfMonth,
    version: number,
    kept: { readonly skipped: readonly string[]; readonly counted: readonly string[] },
  ): Promise<boolean> {
    return this.postgres.transaction(async (db) => {
      await db.select().from(horizons).where(eq(horizons.project, project)).for('update');
      const { rows } = await db.execute<{ found: string }>(sql`
        SELECT count(*) AS found FROM ${rollupCells} WHERE project = ${project} AND version = ANY(${sql.param(cells)}::bigint[])`);
      if (Number(rows[0]?.found) !== cells.length) return false;
      const made = {
        to: new Date(range.to),
        version,
        cells: [...cells],
        skipped: [...kept.skipped],
        counted: [...kept.counted],
        countedOf: version,
      };
      await db
        .insert(rollupMonths)
        .values({ project, from: new Date(range.from), ...made })
        .onConflictDoUpdate({ target: [rollupMonths.project, rollupMonths.from], set: made });
      return true;
    });
  }

  /** Takes the pointers from rows of months that have other cells by now, and of what was added up before a month's first days were there: those
   *  rows are litter. */
  async forget(): Promise<void> {
    await this.postgres.run((db) =>
      db.execute(sql`DELETE FROM ${rollupMonths} WHERE (${IS_OF_ITS_CELLS}) IS NOT TRUE OR EXISTS (SELECT 1 FROM ${rollupMonths} AS more
        WHERE more.project = ${rollupMonths.project} AND more."from" < ${rollupMonths.from} AND more."to" >= ${rollupMonths.to})`),
    );
  }

  /** The month that begins with a cell; undefined: it is not added up, by this release, or of other cells than there are. */
  async from(project: number, from: number): Promise<(WaitingMonth & { readonly version: number }) | undefined> {
    const [row] = await this.postgres.run((db) =>
      db
        .select()
        .from(rollupMonths)
        .where(
          and(
            eq(rollupMonths.project, project),
            eq(rollupMonths.from, new Date(from)),
            eq(rollupMonths.countedOf, rollupMonths.version),
            IS_OF_ITS_CELLS,
          ),
        ),
    );
    if (row === undefined) return undefined;
    const range: TimeRange = { from: row.from.getTime(), to: row.to.getTime() };
    const skipped = row.skipped.filter((dimension) => row.counted?.includes(dimension) !== true);
    return { project, range, cells: row.cells, skipped, version: row.version };
  }
}

/** Whether the cells of a month are those that were added up. */
const IS_OF_ITS_CELLS = sql`${rollupMonths.cells} = (SELECT array_agg(cell.version ORDER BY cell."from") FROM ${rollupCells} AS cell
  WHERE cell.project = ${rollupMonths.project} AND cell."from" >= ${rollupMonths.from} AND cell."to" <= ${rollupMonths.to})`;
