// What do writers say to Postgres about changes? All SQL on the tables of changes.schema.ts that writers need; who derives has its own.
import { Injectable } from '@nestjs/common';
import { and, eq, isNotNull, lte, sql } from 'drizzle-orm';
import { Postgres } from '../../platform/postgres/postgres';
import { projects } from '../../projects/projects.schema';
import { eventHorizons, staleRanges, staleVisitors } from './changes.schema';
import { type ProjectRange, rangeKey } from './debts';

/** A visitor of a project, as the decimal text of its hash. */
export interface ProjectVisitor {
  readonly project: number;
  readonly visitor: string;
}

/** A visitor that waits, with the moment that it was read with. */
export interface WaitingVisitor {
  readonly visitor: string;
  readonly until: Date;
}

/** Rows of one statement: a few milliseconds' work. */
const ROWS = 2_000;

const list = (values: readonly (string | number)[]) => sql.param([...values]);
const after = (ms: number) => sql`now() + ${ms} * interval '1 millisecond'`;

@Injectable()
export class ChangesRepository {
  constructor(private readonly postgres: Postgres) {}

  /** `closing` of these projects, milliseconds; a project without one has nothing derived and is left out.
   *  @throws storeUnavailable */
  async closings(of: readonly number[]): Promise<Map<number, number>> {
    if (of.length === 0) return new Map();
    const rows = await this.postgres.run((db) =>
      db
        .select({ project: eventHorizons.project, closing: eventHorizons.closing })
        .from(eventHorizons)
        .where(sql`${eventHorizons.project} = ANY(${list(of)}::int[])`),
    );
    return byProject(rows);
  }

  /** `closing` of every project that has one, and when one was announced last. */
  async allClosings(): Promise<{ closings: Map<number, number>; announcedAt: number | undefined }> {
    const rows = await this.postgres.run((db) =>
      db
        .select({
          project: eventHorizons.project,
          closing: eventHorizons.closing,
          closingAt: eventHorizons.closingAt,
        })
        .from(eventHorizons)
        .where(isNotNull(eventHorizons.closing)),
    );
    const last = rows.reduce((latest, { closingAt }) => Math.max(latest, closingAt?.getTime() ?? 0), 0);
    return { closings: byProject(rows), announcedAt: last === 0 ? undefined : last };
  }

  /** Marks ranges as stale, durably. One that is marked already stays so for the longer of the two times. Projects that are gone are
   *  passed over.
   *  TRICKY: a horizon's row is locked before its ranges, in the order of projects; whoever locks both must do it in the same order.
   *  @param untilMs from now, by the database's clock; until then what changes may be under way */
  async mark(ranges: readonly ProjectRange[], untilMs: number): Promise<void> {
    const given = [...new Map(ranges.map((range) => [rangeKey(range), range])).values()];
    for (let at = 0; at < given.length; at += ROWS) await this.#mark(given.slice(at, at + ROWS), untilMs);
  }

  async #mark(ranges: readonly ProjectRange[], untilMs: number): Promise<void> {
    const column = (pick: (range: ProjectRange) => number | string) => list(ranges.map(pick));
    await this.postgres.run((db) =>
      db.execute(sql`
        WITH given AS (
          SELECT given.* FROM unnest(
            ${column(({ project }) => project)}::int[],
            ${column(({ from }) => timeOf(from))}::timestamptz[],
            ${column(({ to }) => timeOf(to))}::timestamptz[]
          ) AS given (project, "from", "to")
          JOIN ${projects} ON ${projects.number} = given.project
        ), locked AS MATERIALIZED (
          SELECT project FROM ${eventHorizons} WHERE project IN (SELECT project FROM given) ORDER BY project FOR UPDATE
        ), counted AS (
          UPDATE ${eventHorizons} AS horizon SET revision = horizon.revision + 1
          FROM locked WHERE horizon.project = locked.project
          RETURNING horizon.project
        )
        INSERT INTO ${staleRanges} (project, "from", "to", until)
        SELECT given.project, given."from", given."to", ${after(untilMs)}
        FROM given LEFT JOIN counted USING (project)
        ORDER BY 1, 2, 3
        ON CONFLICT (project, "from", "to") DO UPDATE SET until = greatest(${staleRanges}.until, excluded.until)`),
    );
  }

  /** Adds to the numbers of events that wait to be derived. A project without a horizon's row is passed over. */
  async addPending(counts: ReadonlyMap<number, number>): Promise<void> {
    await this.postgres.run((db) =>
      db.execute(sql`
        WITH added AS (
          SELECT * FROM unnest(${list([...counts.keys()])}::int[], ${list([...counts.values()])}::bigint[])
            AS added (project, events)
        ), locked AS MATERIALIZED (
          SELECT project FROM ${eventHorizons} WHERE project IN (SELECT project FROM added) ORDER BY project FOR UPDATE
        )
        UPDATE ${eventHorizons} AS horizon SET
          pending = horizon.pending + added.events,
          pending_since = coalesce(horizon.pending_since, now())
        FROM added JOIN locked USING (project)
        WHERE horizon.project = added.project`),
    );
  }

  /** Notes visitors that get a new first link, durably.
   *  @param untilMs from now, by the database's clock; the link is stored by then */
  async addVisitors(visitors: readonly ProjectVisitor[], untilMs: number): Promise<void> {
    for (let at = 0; at < visitors.length; at += ROWS) {
      const some = visitors.slice(at, at + ROWS);
      await this.postgres.run((db) =>
        db.execute(sql`
          INSERT INTO ${staleVisitors} (project, visitor, until)
          SELECT DISTINCT given.project, given.visitor, ${after(untilMs)}
          FROM unnest(${list(some.map(({ project }) => project))}::int[], ${list(some.map(({ visitor }) => visitor))}::text[])
            AS given (project, visitor)
          JOIN ${projects} ON ${projects.number} = given.project
          ORDER BY 1, 2
          ON CONFLICT (project, visitor) DO UPDATE SET until = greatest(${staleVisitors}.until, excluded.until)`),
      );
    }
  }

  /** How many visitors wait whose links are stored by now, project by project, and the latest moment among them. */
  async waitingVisitors(): Promise<{ project: number; visitors: number; latest: Date }[]> {
    return this.postgres.run((db) =>
      db
        .select({
          project: staleVisitors.project,
          visitors: sql<number>`count(*)::int`,
          latest: sql<Date>`max(${staleVisitors.until})`.mapWith(staleVisitors.until),
        })
        .from(staleVisitors)
        .where(sql`${staleVisitors.until} < now()`)
        .groupBy(staleVisitors.project),
    );
  }

  /** Some of those of one project. They stay until `removeVisitors`. */
  async someVisitors(project: number, limit: number): Promise<WaitingVisitor[]> {
    return this.postgres.run((db) =>
      db
        .select({ visitor: staleVisitors.visitor, until: staleVisitors.until })
        .from(staleVisitors)
        .where(sql`${staleVisitors.project} = ${project} AND ${staleVisitors.until} < now()`)
        .orderBy(staleVisitors.visitor)
        .limit(limit),
    );
  }

  /** Lets go of every visitor of a project that was not noted again since. */
  async removeAllVisitors(project: number, latest: Date): Promise<void> {
    await this.postgres.run((db) =>
      db.delete(staleVisitors).where(and(eq(staleVisitors.project, project), lte(staleVisitors.until, latest))),
    );
  }

  /** Lets go of visitors, but of those that were noted again meanwhile. */
  async removeVisitors(project: number, visitors: readonly WaitingVisitor[]): Promise<void> {
    for (let at = 0; at < visitors.length; at += ROWS) {
      const some = visitors.slice(at, at + ROWS);
      await this.postgres.run((db) =>
        db.execute(sql`
          DELETE FROM ${staleVisitors} AS waiting
          USING unnest(
            ${list(some.map(({ visitor }) => visitor))}::text[],
            ${list(some.map(({ until }) => until.toISOString()))}::timestamptz[]
          ) AS done (visitor, until)
          WHERE waiting.project = ${project} AND waiting.visitor = done.visitor AND waiting.until = done.until`),
      );
    }
  }
}

const timeOf = (ms: number): string => new Date(ms).toISOString();

const byProject = (rows: readonly { project: number; closing: Date | null }[]): Map<number, number> =>
  new Map(rows.flatMap(({ project, closing }) => (closing === null ? [] : [[project, closing.getTime()] as const])));
