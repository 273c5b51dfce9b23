// Which projects are watched, and by which processes? All SQL of the table that says so.
import { Injectable } from '@nestjs/common';
import { and, eq, gt, inArray, lt, ne, sql } from 'drizzle-orm';
import { Postgres } from '../../platform/postgres/postgres';
import { liveInterests } from '../realtime.schema';

@Injectable()
export class InterestsRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Says that a process watches these projects for so much longer. @throws storeUnavailable */
  async renew(process: string, projects: readonly number[], leaseMs: number): Promise<void> {
    // By the store's clock alone: those of two processes differ.
    const until = sql`now() + ${leaseMs} * interval '1 millisecond'`;
    await this.postgres.run(async (db) => {
      await db
        .insert(liveInterests)
        .values(projects.map((project) => ({ project, process, until })))
        .onConflictDoUpdate({ target: [liveInterests.project, liveInterests.process], set: { until } });
      await db.delete(liveInterests).where(lt(liveInterests.until, sql`now() - interval '1 minute'`));
    });
  }

  /** Takes that back. */
  async leave(process: string, projects: readonly number[]): Promise<void> {
    if (projects.length === 0) return;
    await this.postgres.run((db) =>
      db
        .delete(liveInterests)
        .where(and(eq(liveInterests.process, process), inArray(liveInterests.project, [...projects]))),
    );
  }

  /** Projects that other processes watch. @throws storeUnavailable */
  async ofOthers(process: string): Promise<Set<number>> {
    const rows = await this.postgres.run((db) =>
      db
        .selectDistinct({ project: liveInterests.project })
        .from(liveInterests)
        .where(and(ne(liveInterests.process, process), gt(liveInterests.until, sql`now()`))),
    );
    return new Set(rows.map(({ project }) => project));
  }
}
