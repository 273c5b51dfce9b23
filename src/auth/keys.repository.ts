// All SQL about keys.
import { Injectable } from '@nestjs/common';
import { and, asc, desc, eq, gt, inArray, isNull, lt, or, sql } from 'drizzle-orm';
import { Postgres, type Db } from '../platform/postgres/postgres';
import { projects, toProject } from '../projects/projects.schema';
import type { Project } from '../projects/projects.types';
import { changesAfter, recordChange, type ChangesRead } from './auth-changes';
import { apiKeys } from './auth.schema';
import type { RequestKey } from './auth.types';

/** A key as it is kept. */
export type KeyRow = typeof apiKeys.$inferSelect;

/** A key that works, or will until `expiresAt` (milliseconds), and its project. */
export interface KnownKey {
  readonly key: RequestKey;
  readonly project: Project;
  readonly expiresAt: number | undefined;
}

/** What belongs to a change, in its transaction. */
type Along = (db: Db) => Promise<void>;

/** Keys in Postgres. */
@Injectable()
export class KeysRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Keys by their SHA-256; without those that are revoked or whose project is being deleted. */
  async findByHash(hashes: readonly Buffer[]): Promise<Map<string, KnownKey>> {
    const rows = await this.postgres.run((db) =>
      db
        .select({ key: apiKeys, project: projects })
        .from(apiKeys)
        .innerJoin(projects, eq(projects.id, apiKeys.projectId))
        .where(and(inArray(apiKeys.hash, [...hashes]), isNull(apiKeys.revokedAt), isNull(projects.deletedAt))),
    );
    return new Map(rows.map(({ key, project }) => [key.hash.toString('base64'), toKnown(key, toProject(project))]));
  }

  /** A project by its id, unless it is being deleted. */
  async findProject(id: string): Promise<Project | undefined> {
    const [row] = await this.postgres.run((db) =>
      db
        .select()
        .from(projects)
        .where(and(eq(projects.id, id), isNull(projects.deletedAt))),
    );
    return row === undefined ? undefined : toProject(row);
  }

  /** What changed since. */
  changesAfter(version: number): Promise<ChangesRead> {
    return this.postgres.run((db) => changesAfter(db, version));
  }

  /** Adds keys of one project, within a transaction where one is given. @param along what belongs to it, in that transaction */
  async insert(
    rows: readonly (typeof apiKeys.$inferInsert)[],
    projectId: string,
    along: Along,
    within?: Db,
  ): Promise<void> {
    const work = async (db: Db): Promise<void> => {
      await db.insert(apiKeys).values([...rows]);
      await recordChange(db, projectId);
      await along(db);
    };
    await (within === undefined ? this.postgres.transaction(work) : work(within));
  }

  /** A key that is not revoked. */
  async find(projectId: string, id: string): Promise<KeyRow | undefined> {
    const [row] = await this.postgres.run((db) =>
      db
        .select()
        .from(apiKeys)
        .where(and(eq(apiKeys.projectId, projectId), eq(apiKeys.id, id), isNull(apiKeys.revokedAt))),
    );
    return row;
  }

  /** A project's keys that are not revoked, newest first; at most `limit`, after the row that `after` names. */
  list(projectId: string, limit: number, after?: { createdAt: number; id: string }): Promise<KeyRow[]> {
    const at = new Date(after?.createdAt ?? 0);
    return this.postgres.run((db) =>
      db
        .select()
        .from(apiKeys)
        .where(
          and(
            eq(apiKeys.projectId, projectId),
            isNull(apiKeys.revokedAt),
            after === undefined
              ? undefined
              : or(lt(apiKeys.createdAt, at), and(eq(apiKeys.createdAt, at), gt(apiKeys.id, after.id))),
          ),
        )
        .orderBy(desc(apiKeys.createdAt), asc(apiKeys.id))
        .limit(limit),
    );
  }

  /** Ends a key for good. @returns whether it worked until now */
  revoke(projectId: string, id: string, now: number, along: Along): Promise<boolean> {
    return this.postgres.transaction(async (db) => {
      const ended = await db
        .update(apiKeys)
        .set({ revokedAt: new Date(now) })
        .where(and(eq(apiKeys.projectId, projectId), eq(apiKeys.id, id), isNull(apiKeys.revokedAt)))
        .returning({ id: apiKeys.id });
      if (ended.length === 0) return false;
      await recordChange(db, projectId);
      await along(db);
      return true;
    });
  }

  /** Puts a new key in an old one's place, which works until `oldEndsAt`, or its own earlier end.
   *  @returns whether the old one was there and had not been rotated before */
  rotate(old: KeyRow, fresh: typeof apiKeys.$inferInsert, oldEndsAt: Date, along: Along): Promise<boolean> {
    return this.postgres.transaction(async (db) => {
      const changed = await db
        .update(apiKeys)
        .set({ rotatedTo: fresh.id, expiresAt: sql`least(${apiKeys.expiresAt}, ${oldEndsAt})` })
        .where(and(eq(apiKeys.id, old.id), isNull(apiKeys.revokedAt), isNull(apiKeys.rotatedTo)))
        .returning({ id: apiKeys.id });
      if (changed.length === 0) return false;
      await db.insert(apiKeys).values(fresh);
      await recordChange(db, old.projectId);
      await along(db);
      return true;
    });
  }

  /** Notes when keys were last used (milliseconds, by id). Not a change that anybody must hear of. */
  async touch(used: ReadonlyMap<string, number>): Promise<void> {
    const ids = [...used.keys()];
    const times = [...used.values()].map((time) => new Date(time).toISOString());
    await this.postgres.run((db) =>
      db.execute(sql`
        UPDATE ${apiKeys} SET last_used_at = greatest(last_used_at, used.at)
        FROM unnest(${sql.param(ids)}::uuid[], ${sql.param(times)}::timestamptz[]) AS used (id, at)
        WHERE ${apiKeys}.id = used.id`),
    );
  }
}

const toKnown = (row: KeyRow, project: Project): KnownKey => ({
  key: { id: row.id, kind: row.kind, scopes: row.scopes, projectId: row.projectId },
  project,
  expiresAt: row.expiresAt?.getTime(),
});
