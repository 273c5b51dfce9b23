// Which cells wait for a copy, and which copies count? All SQL that points at copies.
import { Injectable } from '@nestjs/common';
import { sql } from 'drizzle-orm';
import type { TimeRange } from '../../common/time-range';
import { milliseconds, staleRanges, timestamptz } from '../../events/changes';
import { Postgres } from '../../platform/postgres/postgres';
import { projects } from '../../projects/projects.schema';
import { rollupCells } from '../aggregation.schema';
import type { Cell } from '../cells';
import { newVersions } from '../versions';

/** A cell that is to be copied. */
export interface Uncopied extends TimeRange {
  /** The project's number in the warehouse. */
  readonly project: number;
  /** The cell's own version. */
  readonly cell: number;
  readonly events: number;
}

type Copy = NonNullable<Cell['copy']>;

interface Row extends Record<string, unknown> {
  project: number;
  from: string;
  to: string;
  cell: string;
  events: string;
}

@Injectable()
export class CopiesRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Cells that wait for a copy, or for their sequences, the latest first. What is stale is about to be a new cell: it waits for that.
   *  @param cells `fewest` events of one that is copied, and the most of one whose sequences are kept */
  async next(cells: { readonly fewest: number; readonly mostSequenced: number }, limit: number): Promise<Uncopied[]> {
    const { rows } = await this.postgres.run((db) =>
      db.execute<Row>(sql`
        SELECT cell.project, ${milliseconds(sql`cell."from"`)} AS "from", ${milliseconds(sql`cell."to"`)} AS "to",
          cell.version AS cell, cell.events
        FROM ${rollupCells} AS cell JOIN ${projects} AS project ON project.number = cell.project
        WHERE cell.events >= ${cells.fewest} AND NOT cell.has_sequences AND (cell.copy_version IS NULL OR cell.events <= ${cells.mostSequenced}) AND project.deleted_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM ${staleRanges} AS stale
            WHERE stale.project = cell.project AND stale."from" < cell."to" AND stale."to" > cell."from")
        ORDER BY cell."to" DESC, cell.project
        LIMIT ${limit}`),
    );
    return rows.map(({ project, from, to, cell, events }) => ({
      project,
      from: Number(from),
      to: Number(to),
      cell: Number(cell),
      events: Number(events),
    }));
  }

  /** A new version, no two ever alike.
   *  TRICKY: to be taken before events are read: a deletion counts all versions up to its own moment as made of what it deleted. */
  async version(): Promise<number> {
    return Number((await newVersions(this.postgres, 1))[0]);
  }

  /** Makes a copy count for a cell, if that is still the one that was copied: whatever changes events takes a cell away or says that it is
   *  stale, before or after, and then nothing is read from the copy.
   *  @returns whether it counts */
  async point({ project, from, cell }: Uncopied, { version, of, sequences }: Copy): Promise<boolean> {
    const { rowCount } = await this.postgres.run((db) =>
      db.execute(sql`
        UPDATE ${rollupCells} SET copy_version = ${version}, copy_of = ${of}, has_sequences = ${sequences}
        WHERE project = ${project} AND "from" = ${timestamptz(from)} AND version = ${cell} AND NOT has_sequences`),
    );
    return rowCount === 1;
  }
}
