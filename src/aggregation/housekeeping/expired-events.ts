// What is older than its project keeps events? It is deleted once a day; readers never show it meanwhile, see `retainedFrom`.
import { Injectable } from '@nestjs/common';
import { and, eq, isNull, lte, sql } from 'drizzle-orm';
import { Clock } from '../../common/clock';
import { DAY_MS, MINUTE_MS } from '../../common/time-range';
import { cellsAroundGone, eventHorizons, MarkStale, quarterOf } from '../../events';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { ClickHouseFault } from '../../platform/clickhouse/faults';
import type { Sql } from '../../platform/clickhouse/sql';
import { Postgres } from '../../platform/postgres/postgres';
import { retainedFrom } from '../../projects';
import { projects, toProject } from '../../projects/projects.schema';
import { rollupCells } from '../aggregation.schema';
import { ChoreNotes } from './chore-notes';
import { deleteExpired, dropPart, type Expiry, expiredMonths, partsOfMonth } from './housekeeping.queries';

const CHORE = 'expire-events';
const AGAIN_MS = DAY_MS;
/** Projects of one statement. */
const TOGETHER = 200;
const TIMEOUT_MS = 15 * MINUTE_MS;
/** For so long the deletion may be under way; until then what it touches is read from the raw events. */
const UNDER_WAY_MS = 20 * MINUTE_MS;
/** NO_SUCH_DATA_PART: it was merged since it was looked at, and is looked at again with the next run. */
const NO_SUCH_PART = 232;

@Injectable()
export class ExpiredEvents {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly postgres: Postgres,
    private readonly notes: ChoreNotes,
    private readonly stale: MarkStale,
    private readonly clock: Clock,
  ) {}

  /** Deletes what expired of every project that was not looked at today.
   *  @returns how many projects were */
  async run(): Promise<number> {
    const now = this.clock.now();
    const all = await this.#expiries(now);
    const done = await this.notes.of(CHORE);
    const due = all.filter(({ project }) => (done.get(String(project))?.at ?? -Infinity) <= now - AGAIN_MS);
    for (let at = 0; at < due.length; at += TOGETHER) {
      const some = due.slice(at, at + TOGETHER);
      await this.#expire(some, all);
      for (const { project } of some) await this.notes.done(CHORE, now, { subject: String(project) });
    }
    if (due.length > 0) await this.notes.forget(CHORE, now - 2 * AGAIN_MS);
    return due.length;
  }

  async #expire(due: readonly Expiry[], all: readonly Expiry[]): Promise<void> {
    const months = (await this.#rows<{ month: number }>(expiredMonths(due))).map(({ month }) => month);
    if (months.length > 0) {
      await this.#mark(due, UNDER_WAY_MS);
      for (const month of months) {
        await this.#dropExpiredParts(month, all);
        await this.#run(deleteExpired(month, due));
      }
    }
    // A run that was cut short after it deleted finds no month any more: what it left is settled here all the same.
    await this.#dropCells(due);
    await this.#mark(due, 0);
  }

  /** Drops parts in which everything is expired. By their names: what arrives meanwhile is in parts of its own. */
  async #dropExpiredParts(month: number, all: readonly Expiry[]): Promise<void> {
    const before = new Map(all.map(({ project, before: moment }) => [project, moment]));
    const rows = await this.#rows<{ part: string; project: number; latest: number }>(partsOfMonth(month));
    const kept = new Set(
      rows.filter(({ project, latest }) => latest >= (before.get(project) ?? -Infinity)).map(({ part }) => part),
    );
    for (const part of new Set(rows.map((row) => row.part)))
      if (!kept.has(part))
        await this.#run(dropPart(part)).catch((error: unknown) => {
          if (!(error instanceof ClickHouseFault) || error.code !== NO_SUCH_PART) throw error;
        });
  }

  /** Sessions that went on past the moment begin at it now: what is derived of the hours around it changes. */
  async #mark(expiries: readonly Expiry[], untilMs: number): Promise<void> {
    for (const { project, before } of expiries)
      await this.stale.mark(project, [{ from: quarterOf(before - 1).from, to: cellsAroundGone(before, true).to }], {
        untilMs,
      });
  }

  /** Days that are expired as a whole are not derived again: their pointers go, and with them what they point at.
   *  TRICKY: the horizon's row is locked first, as everybody does who changes pointers. */
  async #dropCells(expiries: readonly Expiry[]): Promise<void> {
    for (const { project, before } of expiries)
      await this.postgres.transaction(async (db) => {
        await db.select().from(eventHorizons).where(eq(eventHorizons.project, project)).for('update');
        const { rowCount } = await db
          .delete(rollupCells)
          .where(and(eq(rollupCells.project, project), lte(rollupCells.to, new Date(before))));
        if (rowCount === null || rowCount === 0) return;
        await db
          .update(eventHorizons)
          .set({ revision: sql`${eventHorizons.revision} + 1` })
          .where(eq(eventHorizons.project, project));
      });
  }

  /** Of projects with a retention: up to where their events go. Whole quarter hours, as cells have no smaller ones. */
  async #expiries(now: number): Promise<Expiry[]> {
    const rows = await this.postgres.run((db) =>
      db
        .select()
        .from(projects)
        .where(and(isNull(projects.deletedAt), sql`${projects.settings} ->> 'retentionDays' IS NOT NULL`)),
    );
    return rows
      .map(toProject)
      .map((project) => ({ project: project.number, before: retainedFrom(project, now) }))
      .filter(({ before }) => before > -Infinity)
      .map(({ project, before }) => ({ project, before: quarterOf(before).from }));
  }

  #rows<T>(query: Sql): Promise<T[]> {
    return this.clickhouse.rows<T>(query, { purpose: CHORE, background: true });
  }

  #run(statement: Sql): Promise<void> {
    return this.clickhouse.run(statement, { background: true, timeoutMs: TIMEOUT_MS });
  }
}
