// All SQL about goals.
import { Injectable } from '@nestjs/common';
import { and, asc, count, eq, max, type SQL } from 'drizzle-orm';
import { rowsAfter } from '../platform/postgres/keyset';
import { type Db, Postgres } from '../platform/postgres/postgres';
import { projects } from '../projects/projects.schema';
import { goals, toGoal, toRow } from './goals.schema';
import type { Goal } from './goals.types';

/** What belongs to a change, in its transaction. */
type Along<Told extends unknown[]> = (db: Db, ...told: Told) => Promise<void>;

/** Goals in Postgres. */
@Injectable()
export class GoalsRepository {
  constructor(private readonly postgres: Postgres) {}

  /** A project's goals, oldest first; at most `limit`, after the row that `after` names. */
  async list(projectId: string, limit?: number, after?: { createdAt: number; id: string }): Promise<Goal[]> {
    const rows = await this.postgres.run((db) => {
      const query = db
        .select()
        .from(goals)
        .where(and(eq(goals.projectId, projectId), rowsAfter(goals.createdAt, goals.id, after, 'oldest first')))
        .orderBy(asc(goals.createdAt), asc(goals.id));
      return limit === undefined ? query : query.limit(limit);
    });
    return rows.map(toGoal);
  }

  async find(projectId: string, id: string): Promise<Goal | undefined> {
    const [row] = await this.postgres.run((db) => db.select().from(goals).where(named(projectId, id)));
    return row === undefined ? undefined : toGoal(row);
  }

  /** Adds a goal where the project has fewer than `most`. Makers of one project's goals wait for each other, so that they count right.
   *  @param make the goal, to be the newest: made after that moment, milliseconds, so that whoever walks the list does not miss it
   *  @throws a unique violation where the name is taken */
  insert(
    projectId: string,
    most: number,
    make: (after: number) => Goal,
    along: Along<[made: Goal]>,
  ): Promise<Goal | 'too many' | 'no project'> {
    return this.postgres.transaction(async (db) => {
      const [project] = await db
        .select({ id: projects.id })
        .from(projects)
        .where(eq(projects.id, projectId))
        .for('no key update');
      if (project === undefined) return 'no project';
      const [held] = await db
        .select({ goals: count(), newest: max(goals.createdAt) })
        .from(goals)
        .where(eq(goals.projectId, projectId));
      if ((held?.goals ?? 0) >= most) return 'too many';
      const goal = make(held?.newest?.getTime() ?? 0);
      await db.insert(goals).values({ ...toRow(goal), projectId });
      await along(db, goal);
      return goal;
    });
  }

  /** Puts in a goal's place what `change` makes of it; changes of one goal wait for each other, so that none is lost.
   *  @returns the goal as it is now; undefined where there is none
   *  @throws a unique violation where the name is taken; whatever `change` throws */
  change(
    projectId: string,
    id: string,
    change: (goal: Goal) => Goal,
    along: Along<[before: Goal, after: Goal]>,
  ): Promise<Goal | undefined> {
    return this.postgres.transaction(async (db) => {
      const [row] = await db.select().from(goals).where(named(projectId, id)).for('update');
      if (row === undefined) return undefined;
      const before = toGoal(row);
      const changed = change(before);
      await db.update(goals).set(toRow(changed)).where(named(projectId, id));
      await along(db, before, changed);
      return changed;
    });
  }

  /** @returns whether there was such a goal */
  async delete(projectId: string, id: string, along: Along<[gone: Goal]>): Promise<boolean> {
    return this.postgres.transaction(async (db) => {
      const [gone] = await db.delete(goals).where(named(projectId, id)).returning();
      if (gone === undefined) return false;
      await along(db, toGoal(gone));
      return true;
    });
  }
}

const named = (projectId: string, id: string): SQL | undefined => and(eq(goals.projectId, projectId), eq(goals.id, id));
