// What of a project is derived at this moment? For readers, in one statement: horizon, cells and stale ranges that belong together.
import { Injectable } from '@nestjs/common';
import { eq, sql } from 'drizzle-orm';
import { QUARTER_MS, type TimeRange } from '../common/time-range';
import { eventHorizons, milliseconds, staleRanges, timestamptz } from '../events/changes';
import { Postgres } from '../platform/postgres/postgres';
import { rollupCells, rollupMonths } from './aggregation.schema';
import { type Cell, cellCopy } from './cells';

/** What is derived of a project. Moments are milliseconds. */
export interface RollupSnapshot {
  /** What is derived reflects exactly the events before it, but for what is stale. */
  readonly horizon: number;
  /** The earliest beginning of a session that is open at the horizon; the horizon where none is. */
  readonly openFrom: number;
  /** Another number after every change of anything here. */
  readonly revision: number;
  /** Cells that overlap the range, oldest first, disjoint. Time before the horizon in no cell holds no events, unless it is stale. */
  readonly cells: readonly Cell[];
  /** Months whose cells, all of them above, were added up; oldest first, disjoint. */
  readonly months: readonly Cell[];
  /** Everything of the project that is stale, in and around the range, in as few ranges as it takes, oldest first. */
  readonly stale: readonly TimeRange[];
}

/** 24 hours that begin with a quarter hour of one cell and end in the next. */
export interface RollingDay {
  readonly from: number;
  readonly cell: Cell;
  readonly next: Cell;
}

type CellRow = [
  from: number,
  to: number,
  version: number,
  events: number,
  detailed: boolean,
  skipped: string[],
  copyVersion: number | null,
  copyOf: number | null,
  hasSequences: boolean,
  rollingNext: number | null,
];

type MonthRow = [
  from: number,
  to: number,
  version: number,
  cells: number[],
  skipped: string[],
  counted: string[] | null,
  countedOf: number | null,
];

interface SnapshotRow extends Record<string, unknown> {
  horizon: string;
  openFrom: string;
  revision: string;
  cells: CellRow[] | null;
  months: MonthRow[] | null;
  stale: [from: number, to: number][] | null;
}

@Injectable()
export class RollupSnapshots {
  constructor(private readonly postgres: Postgres) {}

  /** What is derived of a project, as of one moment; 1 to 3 ms.
   *  @param zone whose local days the cells must be
   *  @returns undefined where nothing is derived, or in another zone
   *  @throws storeUnavailable */
  async of(project: number, zone: string, { from, to }: TimeRange): Promise<RollupSnapshot | undefined> {
    const { rows } = await this.postgres.run((db) =>
      db.execute<SnapshotRow>(sql`
        SELECT ${milliseconds(sql`horizon`)} AS horizon, ${milliseconds(sql`open_from`)} AS "openFrom", revision,
          (SELECT json_agg(json_build_array(${milliseconds(sql`"from"`)}, ${milliseconds(sql`"to"`)}, version, events, detailed, skipped, copy_version, copy_of, has_sequences, rolling_next) ORDER BY "from")
           FROM ${rollupCells} WHERE project = ${project} AND "from" < ${timestamptz(to)} AND "to" > ${timestamptz(from)}) AS cells,
          (SELECT json_agg(json_build_array(${milliseconds(sql`"from"`)}, ${milliseconds(sql`"to"`)}, version, cells, skipped, counted, counted_of) ORDER BY "from")
           FROM ${rollupMonths} WHERE project = ${project} AND "from" >= ${timestamptz(from)} AND "to" <= ${timestamptz(to)}) AS months,
          (SELECT json_agg(json_build_array(${milliseconds(sql`lower(stale)`)}, ${milliseconds(sql`upper(stale)`)}) ORDER BY stale)
           FROM unnest((SELECT range_agg(tstzrange("from", "to")) FROM ${staleRanges} WHERE project = ${project})) AS stale) AS stale
        FROM ${eventHorizons}
        WHERE project = ${project} AND zone = ${zone} AND horizon IS NOT NULL AND open_from IS NOT NULL`),
    );
    const [row] = rows;
    if (row === undefined) return undefined;
    const cells = (row.cells ?? []).map(toCell);
    return {
      horizon: Number(row.horizon),
      openFrom: Number(row.openFrom),
      revision: Number(row.revision),
      cells,
      months: withoutParts((row.months ?? []).flatMap((month) => toMonth(month, cells) ?? [])),
      stale: (row.stale ?? []).map(([begin, end]) => ({ from: begin, to: end })),
    };
  }

  /** Visitors of some days across the end of two cells, by the moment that they begin; less those of which nothing was counted.
   *  @throws storeUnavailable */
  async rollingVisitors(project: number, days: readonly RollingDay[]): Promise<ReadonlyMap<number, number>> {
    const array = (of: (day: RollingDay) => number) => sql.param(days.map(of));
    const { rows } = await this.postgres.run((db) =>
      db.execute<{ from: string; visitors: number }>(sql`
        SELECT day."from", cell.rolling_visitors[day.place] AS visitors
        FROM unnest(${array(({ from }) => from)}::bigint[], ${array(({ cell }) => cell.version)}::bigint[], ${array(({ next }) => next.version)}::bigint[],
          ${array(({ from, cell }) => 1 + (from - cell.from) / QUARTER_MS)}::integer[]) AS day ("from", version, next, place)
        JOIN ${rollupCells} AS cell ON cell.version = day.version AND cell.rolling_next = day.next
        WHERE cell.project = ${project} AND cell.rolling_visitors[day.place] IS NOT NULL`),
    );
    return new Map(rows.map(({ from, visitors }) => [Number(from), visitors]));
  }

  /** The revision of what is derived of a project; 0 where nothing is. @throws storeUnavailable */
  async revisionOf(project: number): Promise<number> {
    const [row] = await this.postgres.run((db) =>
      db.select({ revision: eventHorizons.revision }).from(eventHorizons).where(eq(eventHorizons.project, project)),
    );
    return row?.revision ?? 0;
  }
}

const toCell = ([
  from,
  to,
  version,
  events,
  detailed,
  skipped,
  copyVersion,
  copyOf,
  hasSequences,
  rollingNext,
]: CellRow): Cell => ({
  from,
  to,
  version,
  events,
  detailed,
  skipped,
  copy: cellCopy(copyVersion, copyOf, hasSequences),
  rollingNext: rollingNext ?? undefined,
});

/** @returns undefined where the month is of other cells than there are now */
const toMonth = (
  [from, to, version, made, skipped, counted, countedOf]: MonthRow,
  cells: readonly Cell[],
): Cell | undefined => {
  const now = cells.filter((cell) => cell.from >= from && cell.to <= to);
  const isOfThem = now.length === made.length && now.every((cell, at) => cell.version === made[at]);
  if (!isOfThem) return undefined;
  const events = now.reduce((sum, cell) => sum + cell.events, 0);
  return { from, to, version, events, detailed: true, skipped, counted: countedOf === version ? (counted ?? []) : [] };
};

/** A month whose first days came late was added up without them before. What is of those cells alone stays until a chore looks. */
const withoutParts = (months: readonly Cell[]): Cell[] =>
  months.filter(
    (month) => !months.some((other) => other !== month && other.from <= month.from && other.to >= month.to),
  );
