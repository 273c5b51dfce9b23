// All SQL about projects.
import { Injectable } from '@nestjs/common';
import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import { recordChange } from '../auth';
import { rowsAfter } from '../platform/postgres/keyset';
import { Postgres, type Db } from '../platform/postgres/postgres';
import { projects, toProject } from './projects.schema';
import type { Project, ProjectSettings } from './projects.types';

/** What can be changed about a project. */
export interface ProjectChange {
  readonly name?: string | undefined;
  readonly timezone?: string | undefined;
  readonly domains?: readonly string[] | undefined;
  readonly settings?: Partial<ProjectSettings> | undefined;
}

/** Projects in Postgres. */
@Injectable()
export class ProjectsRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Adds a project, and what `along` adds in the same transaction. */
  insert<T>(
    row: Omit<typeof projects.$inferInsert, 'number'>,
    along: (db: Db) => Promise<T>,
  ): Promise<{ project: Project; along: T }> {
    return this.postgres.transaction(async (db) => {
      const [made] = await db.insert(projects).values(row).returning();
      if (made === undefined) throw new Error('the insert returned no row');
      return { project: toProject(made), along: await along(db) };
    });
  }

  /** Projects, oldest first; at most `limit`, after the row that `after` names. */
  async list(limit: number, after?: { createdAt: number; id: string }): Promise<Project[]> {
    const rows = await this.postgres.run((db) =>
      db
        .select()
        .from(projects)
        .where(and(isNull(projects.deletedAt), rowsAfter(projects.createdAt, projects.id, after, 'oldest first')))
        .orderBy(asc(projects.createdAt), asc(projects.id))
        .limit(limit),
    );
    return rows.map(toProject);
  }

  /** Changes what is given. Settings are merged by the database, so that two changes at once lose nothing.
   *  @param along what belongs to the change, in its transaction
   *  @returns the project; undefined where there is none */
  update(
    id: string,
    { settings, domains, ...rest }: ProjectChange,
    now: number,
    along: (db: Db, before: Project, after: Project) => Promise<void>,
  ): Promise<Project | undefined> {
    return this.postgres.transaction(async (db) => {
      const [before] = await db
        .select()
        .from(projects)
        .where(and(eq(projects.id, id), isNull(projects.deletedAt)))
        .for('update');
      if (before === undefined) return undefined;
      const [row] = await db
        .update(projects)
        .set({
          ...rest,
          ...(domains === undefined ? {} : { domains: [...domains] }),
          ...(settings === undefined
            ? {}
            : { settings: sql`${projects.settings} || ${JSON.stringify(settings)}::jsonb` }),
          updatedAt: new Date(now),
        })
        .where(and(eq(projects.id, id), isNull(projects.deletedAt)))
        .returning();
      if (row === undefined) return undefined;
      await recordChange(db, id);
      await along(db, toProject(before), toProject(row));
      return toProject(row);
    });
  }

  /** Hides a project and ends its keys, together with what `along` does.
   *  @returns what `along` returned; undefined where the project was not there */
  hide<T>(id: string, now: number, along: (db: Db) => Promise<T>): Promise<T | undefined> {
    return this.postgres.transaction(async (db) => {
      const hidden = await db
        .update(projects)
        .set({ deletedAt: new Date(now) })
        .where(and(eq(projects.id, id), isNull(projects.deletedAt)))
        .returning({ id: projects.id });
      if (hidden.length === 0) return undefined;
      await recordChange(db, id);
      return along(db);
    });
  }

  /** A project that is hidden: for the job that erases it. */
  async findHidden(id: string): Promise<Project | undefined> {
    const [row] = await this.postgres.run((db) => db.select().from(projects).where(eq(projects.id, id)));
    return row === undefined || row.deletedAt === null ? undefined : toProject(row);
  }

  /** Removes a project's row, and with it all that refers to it in Postgres: keys, use.
   *  @param along what goes with it, in its transaction */
  async remove(id: string, along: (db: Db) => Promise<void>): Promise<void> {
    await this.postgres.transaction(async (db) => {
      await along(db);
      await db.delete(projects).where(eq(projects.id, id));
    });
  }
}
