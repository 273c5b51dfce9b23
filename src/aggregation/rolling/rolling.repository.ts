// Which cells wait until the days across their ends are counted, and what was counted? All SQL of these numbers.
import { Injectable } from '@nestjs/common';
import { sql } from 'drizzle-orm';
import { milliseconds, staleRanges, timestamptz } from '../../events/changes';
import { Postgres } from '../../platform/postgres/postgres';
import { projects } from '../../projects/projects.schema';
import { rollupCells } from '../aggregation.schema';
import type { CellPair } from './rolling.queries';

interface Row extends Record<string, unknown> {
  project: number;
  from: string;
  to: string;
  version: string;
  nextTo: string;
  nextVersion: string;
}

@Injectable()
export class RollingRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Days in one cell each, one after the other, across whose ends nothing was counted since they are what they are, the latest first. What is
   *  stale is about to be another cell: it waits for that.
   *  @param fewest events of each cell */
  async next(fewest: number, limit: number): Promise<CellPair[]> {
    const { rows } = await this.postgres.run((db) =>
      db.execute<Row>(sql`
        SELECT cell.project, ${milliseconds(sql`cell."from"`)} AS "from", ${milliseconds(sql`cell."to"`)} AS "to", cell.version,
          ${milliseconds(sql`next."to"`)} AS "nextTo", next.version AS "nextVersion"
        FROM ${rollupCells} AS cell
        JOIN ${rollupCells} AS next ON next.project = cell.project AND next."from" = cell."to"
        JOIN ${projects} AS project ON project.number = cell.project
        WHERE cell.events >= ${fewest} AND next.events >= ${fewest} AND cell.detailed AND next.detailed
          AND cell."to" - cell."from" >= ${A_DAY} AND next."to" - next."from" >= ${A_DAY}
          AND cell.rolling_next IS DISTINCT FROM next.version AND project.deleted_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM ${staleRanges} AS stale
            WHERE stale.project = cell.project AND stale."from" < next."to" AND stale."to" > cell."from")
        ORDER BY next."to" DESC, cell.project
        LIMIT ${limit}`),
    );
    return rows.map(({ project, from, to, version, nextTo, nextVersion }) => ({
      project,
      cell: { from: Number(from), to: Number(to), version: Number(version) },
      next: { to: Number(nextTo), version: Number(nextVersion) },
    }));
  }

  /** Keeps what was counted, if the first cell is still there: readers see by the other's version whether it is the one that was counted.
   *  @param visitors of the 24 hours from each quarter hour of the cell on
   *  @returns whether it counts */
  async keep({ project, cell, next }: CellPair, visitors: readonly number[]): Promise<boolean> {
    const { rowCount } = await this.postgres.run((db) =>
      db.execute(sql`
        UPDATE ${rollupCells} SET rolling_visitors = ${sql.param(visitors)}::integer[], rolling_next = ${next.version}
        WHERE project = ${project} AND "from" = ${timestamptz(cell.from)} AND version = ${cell.version}`),
    );
    return rowCount === 1;
  }

  /** What was counted of two cells; undefined: nothing was, or of others. */
  async kept({ project, cell, next }: CellPair): Promise<number[] | undefined> {
    const { rows } = await this.postgres.run((db) =>
      db.execute<{ visitors: number[] }>(sql`
        SELECT rolling_visitors AS visitors FROM ${rollupCells}
        WHERE project = ${project} AND version = ${cell.version} AND rolling_next = ${next.version}`),
    );
    return rows[0]?.visitors;
  }
}

/** A day has as many hours at the least, whatever the clock does. */
const A_DAY = sql`interval '20 hours'`;
