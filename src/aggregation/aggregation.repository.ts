// How far is each project derived, who is due, and what is left to do? All SQL about horizons; cells are in cells.repository.ts.
import { Injectable } from '@nestjs/common';
import {
  and,
  asc,
  eq,
  gt,
  gte,
  inArray,
  isNotNull,
  isNull,
  lt,
  lte,
  ne,
  notInArray,
  or,
  sql,
  type SQL,
} from 'drizzle-orm';
import type { TimeRange } from '../common/time-range';
import { eventHorizons as horizons, staleRanges, staleVisitors } from '../events/changes/changes.schema';
import { Postgres, type Db } from '../platform/postgres/postgres';
import { projects } from '../projects/projects.schema';
import { rollupCells } from './aggregation.schema';
import { REBUILD } from './step-plan';

/** Where a project is. Moments are milliseconds. */
export interface ProjectState {
  readonly project: number;
  /** The zone that the project has, and the one whose days its cells are. */
  readonly timezone: string;
  readonly zone: string | null;
  readonly horizon: number | null;
  readonly closing: number | null;
  readonly openFrom: number | null;
  /** Every insert that did not know of `closing` is over. */
  readonly ripe: boolean;
  readonly revision: number;
  readonly pending: number;
}

/** A project that has something to do; `wanted`: enough was stored, or long enough ago. */
export type DueProject = ProjectState & { readonly wanted: boolean };

/** What is kept of a project, in numbers. */
export interface AggregationStatus extends ProjectState {
  readonly cells: number;
  readonly detailed: number;
  readonly events: number;
  readonly stale: number;
}

/** What every process shows in `/metrics`. */
export interface Backlog {
  /** Age of the oldest horizon among projects with newer events, seconds. */
  readonly lagSeconds: number;
  readonly staleRanges: number;
}

/** How many due projects are looked at in one go. */
const MOST_DUE = 1_000;

@Injectable()
export class AggregationRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Projects that have something to do, or will once their grace is over.
   *  TRICKY: those of which nothing is derived yet must be told apart before a thousand are taken: most stay so, and would keep out the others.
   *  @param next the horizon that a project could have now
   *  @param toBegin projects that are worth beginning; undefined: all are */
  async due(
    next: number,
    { graceMs, busyEvents, quietMs }: { graceMs: number; busyEvents: number; quietMs: number },
    toBegin: readonly number[] | undefined,
  ): Promise<DueProject[]> {
    const wanted = or(
      gte(horizons.pending, busyEvents),
      and(gt(horizons.pending, 0), lt(horizons.pendingSince, sql`now() - ${quietMs} * interval '1 millisecond'`)),
    ) as SQL<boolean>;
    const rows = await this.postgres.run((db) =>
      db
        .select({ ...stateColumns(graceMs), wanted: sql<boolean>`coalesce(${wanted}, false)` })
        .from(projects)
        .leftJoin(horizons, eq(horizons.project, projects.number))
        .where(
          and(
            isNull(projects.deletedAt),
            or(
              and(
                isNull(horizons.horizon),
                toBegin === undefined
                  ? undefined
                  : or(isNotNull(horizons.closing), sql`${projects.number} = ANY(${sql.param(toBegin)}::integer[])`),
              ),
              ne(horizons.zone, projects.timezone),
              gt(horizons.closing, horizons.horizon),
              and(lt(horizons.horizon, new Date(next)), wanted),
            ),
          ),
        )
        .orderBy(sql`${horizons.closingAt} ASC NULLS FIRST`)
        .limit(MOST_DUE),
    );
    return rows.map((row) => ({ ...toState(row), wanted: row.wanted }));
  }

  /** Whether there are projects of which nothing is derived. */
  async isAnyToBegin(): Promise<boolean> {
    const rows = await this.postgres.run((db) =>
      db
        .select({ project: projects.number })
        .from(projects)
        .leftJoin(horizons, eq(horizons.project, projects.number))
        .where(and(isNull(projects.deletedAt), isNull(horizons.horizon)))
        .limit(1),
    );
    return rows.length > 0;
  }

  /** Tells writers of a horizon to come. One that is announced and not reached yet stays. */
  async announce(numbers: readonly number[], closing: number): Promise<void> {
    if (numbers.length === 0) return;
    const at = new Date(closing);
    await this.postgres.run((db) =>
      db
        .insert(horizons)
        .select(
          // The join leaves out projects that were erased meanwhile.
          db
            .select({
              project: projects.number,
              horizon: sql<null>`null::timestamptz`.as('horizon'),
              closing: sql<Date>`${at.toISOString()}::timestamptz`.as('closing'),
              closingAt: sql<Date>`now()`.as('closing_at'),
              openFrom: sql<null>`null::timestamptz`.as('open_from'),
              zone: sql<null>`null::text`.as('zone'),
              revision: sql<number>`0`.as('revision'),
              pending: sql<number>`0`.as('pending'),
              pendingSince: sql<null>`null::timestamptz`.as('pending_since'),
            })
            .from(projects)
            .where(inArray(projects.number, [...numbers])),
        )
        .onConflictDoUpdate({
          target: horizons.project,
          set: { closing: at, closingAt: sql`now()` },
          setWhere: or(isNull(horizons.closing), and(eq(horizons.closing, horizons.horizon), lt(horizons.closing, at))),
        }),
    );
  }

  /** Where a project is; undefined: it is gone. */
  async state(project: number, graceMs: number): Promise<ProjectState | undefined> {
    const [row] = await this.postgres.run((db) =>
      db
        .select(stateColumns(graceMs))
        .from(projects)
        .leftJoin(horizons, eq(horizons.project, projects.number))
        .where(and(eq(projects.number, project), isNull(projects.deletedAt))),
    );
    return row === undefined ? undefined : toState(row);
  }

  /** The next project, by number and round again, that has a stretch to derive again now, and the end of its latest one.
   *  @param except projects that rest */
  async nextStale(after: number, except: readonly number[] = []): Promise<{ project: number; to: number } | undefined> {
    const latest = sql`(SELECT max(least(${staleRanges.to}, ${horizons.horizon})) FROM ${staleRanges}
      WHERE ${staleRanges.project} = ${horizons.project} AND ${staleRanges.until} < now() AND ${staleRanges.from} < ${horizons.horizon})`;
    const [row] = await this.postgres.run((db) =>
      db
        .select({ project: horizons.project, to: sql<number>`extract(epoch FROM ${latest}) * 1000`.mapWith(Number) })
        .from(horizons)
        .innerJoin(projects, eq(projects.number, horizons.project))
        .where(
          and(
            isNull(projects.deletedAt),
            eq(horizons.zone, projects.timezone),
            except.length === 0 ? undefined : notInArray(horizons.project, [...except]),
            isNotNull(latest),
          ),
        )
        .orderBy(sql`${horizons.project} <= ${after}`, asc(horizons.project))
        .limit(1),
    );
    return row;
  }

  /** Stretches of a backfill that wait still.
   *  @param markedAt by the database's clock: what changed later is not part of it */
  async left(project: number, range: TimeRange, markedAt: number): Promise<TimeRange[]> {
    const rows = await this.postgres.run((db) =>
      db
        .select({ from: staleRanges.from, to: staleRanges.to })
        .from(staleRanges)
        .where(
          and(
            eq(staleRanges.project, project),
            lte(staleRanges.until, new Date(markedAt)),
            lt(staleRanges.from, new Date(range.to)),
            gt(staleRanges.to, new Date(range.from)),
          ),
        ),
    );
    return rows.map(({ from, to }) => ({ from: from.getTime(), to: to.getTime() }));
  }

  /** Whether events of a stretch changed, or may be changing, that are not derived again yet.
   *  TRICKY: of links that wait to become stale ranges it can't be said what they touch, so they touch everything. */
  async isStale(project: number, range: TimeRange): Promise<boolean> {
    const { rows } = await this.postgres.run((db) =>
      db.execute(sql`
        SELECT 1 FROM ${staleVisitors} WHERE project = ${project}
        UNION ALL
        SELECT 1 FROM ${staleRanges} WHERE project = ${project}
          AND "from" < ${new Date(range.to).toISOString()}::timestamptz AND "to" > ${new Date(range.from).toISOString()}::timestamptz
        LIMIT 1`),
    );
    return rows.length > 0;
  }

  /** A project in numbers; undefined: nothing was begun. */
  async status(project: number, graceMs: number): Promise<AggregationStatus | undefined> {
    const state = await this.state(project, graceMs);
    if (state === undefined) return undefined;
    const [cells] = await this.postgres.run((db) =>
      db
        .select({
          cells: sql<number>`count(*)`.mapWith(Number),
          detailed: sql<number>`count(*) FILTER (WHERE ${rollupCells.detailed})`.mapWith(Number),
          events: sql<number>`coalesce(sum(${rollupCells.events}), 0)`.mapWith(Number),
          stale: sql<number>`(SELECT count(*) FROM ${staleRanges} WHERE ${staleRanges.project} = ${project})`.mapWith(
            Number,
          ),
        })
        .from(rollupCells)
        .where(eq(rollupCells.project, project)),
    );
    return { ...state, cells: 0, detailed: 0, events: 0, stale: 0, ...cells };
  }

  async backlog(): Promise<Backlog> {
    const [row] = await this.postgres.run((db) =>
      db
        .select({
          lagSeconds:
            sql<number>`coalesce(max(extract(epoch FROM now() - ${horizons.horizon})) FILTER (WHERE ${horizons.pending} > 0), 0)`.mapWith(
              Number,
            ),
          staleRanges: sql<number>`(SELECT count(*) FROM ${staleRanges})`.mapWith(Number),
        })
        .from(horizons),
    );
    return row ?? { lagSeconds: 0, staleRanges: 0 };
  }

  /** Has stretches derived again in which no event changed, together with what `along` does. */
  async rebuild<T>(project: number, ranges: readonly TimeRange[], along: (db: Db) => Promise<T>): Promise<T> {
    return this.postgres.transaction(async (db) => {
      // The horizon's row first, as everywhere: two who change a project's ranges wait for each other there.
      const found = await db
        .update(horizons)
        .set({ revision: sql`${horizons.revision} + 1` })
        .where(eq(horizons.project, project))
        .returning({ project: horizons.project });
      if (found.length > 0 && ranges.length > 0)
        await db
          .insert(staleRanges)
          .values(ranges.map(toRebuild(project)))
          .onConflictDoNothing();
      return along(db);
    });
  }
}

/** The row of a stretch in which no event changed. */
export const toRebuild =
  (project: number) =>
  ({ from, to }: TimeRange): typeof staleRanges.$inferInsert => ({
    project,
    from: new Date(from),
    to: new Date(to),
    until: new Date(REBUILD),
  });

const stateColumns = (graceMs: number) => ({
  project: projects.number,
  timezone: projects.timezone,
  zone: horizons.zone,
  horizon: horizons.horizon,
  closing: horizons.closing,
  openFrom: horizons.openFrom,
  ripe: sql<boolean>`coalesce(${horizons.closingAt} <= now() - ${graceMs} * interval '1 millisecond', false)`,
  revision: sql<number>`coalesce(${horizons.revision}, 0)`.mapWith(Number),
  pending: sql<number>`coalesce(${horizons.pending}, 0)`.mapWith(Number),
});

interface StateRow {
  project: number;
  timezone: string;
  zone: string | null;
  horizon: Date | null;
  closing: Date | null;
  openFrom: Date | null;
  ripe: boolean;
  revision: number;
  pending: number;
}

const toState = ({
  project,
  timezone,
  zone,
  horizon,
  closing,
  openFrom,
  ripe,
  revision,
  pending,
}: StateRow): ProjectState => ({
  project,
  timezone,
  zone,
  horizon: horizon?.getTime() ?? null,
  closing: closing?.getTime() ?? null,
  openFrom: openFrom?.getTime() ?? null,
  ripe,
  revision,
  pending,
});
