// All SQL about saved funnels.
import { Injectable } from '@nestjs/common';
import { and, asc, count, eq, gt, sql } from 'drizzle-orm';
import { isUniqueViolation } from '../platform/postgres/errors';
import { rowsAfter } from '../platform/postgres/keyset';
import { type Db, Postgres } from '../platform/postgres/postgres';
import { projects } from '../projects/projects.schema';
import { definitionOf, type FunnelDefinition, sameDefinition, type StepWish } from './funnel.definition';
import { funnelNameTaken, tooManyFunnels } from './funnels.errors';
import { funnelRevisions, funnels, funnelSteps } from './funnels.schema';
import type { FunnelRevision, SavedFunnel } from './saved-funnel.types';

type FunnelRow = typeof funnels.$inferSelect;
/** Name of a revision. */
interface Key {
  readonly id: string;
  readonly revision: number;
}

/** What a funnel is to be. */
export interface FunnelContent {
  readonly name: string;
  readonly definition: FunnelDefinition;
}

/** What belongs to a change, in its transaction. */
type Along<Told extends unknown[]> = (db: Db, ...told: Told) => Promise<void>;

/** Funnels in Postgres. */
@Injectable()
export class FunnelsRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Adds a funnel with its first revision.
   *  @param most funnels that the project may have
   *  @throws funnelNameTaken, tooManyFunnels */
  async insert(
    projectId: string,
    id: string,
    content: FunnelContent,
    most: number,
    now: number,
    along: Along<[made: SavedFunnel]>,
  ): Promise<SavedFunnel> {
    const at = new Date(now);
    return this.#named(content.name, async (db) => {
      // One after the other: two that are made at once would both find a last place free.
      await db.select({ id: projects.id }).from(projects).where(eq(projects.id, projectId)).for('no key update');
      const [held] = await db.select({ count: count() }).from(funnels).where(eq(funnels.projectId, projectId));
      if ((held?.count ?? 0) >= most)
        throw tooManyFunnels({ detail: `A project may have at most ${most} funnels. Delete one that is not needed.` });
      const row = { id, projectId, name: content.name, revision: 1, createdAt: at, updatedAt: at };
      await db.insert(funnels).values(row);
      await insertRevision(db, { id, revision: 1 }, content.definition, at);
      const made = toFunnel(row, content.definition);
      await along(db, made);
      return made;
    });
  }

  /** Changes a funnel; changes of one funnel take place one after the other.
   *  @param change from what it is to what it is to be; throws where it can't be that
   *  @returns undefined where there is no such funnel
   *  @throws funnelNameTaken */
  async update(
    projectId: string,
    id: string,
    change: (current: SavedFunnel) => FunnelContent,
    now: number,
    along: Along<[before: SavedFunnel, after: SavedFunnel]>,
  ): Promise<SavedFunnel | undefined> {
    let name = '';
    return this.#named(
      () => name,
      async (db) => {
        const [row] = await db.select().from(funnels).where(ofProject(projectId, id)).for('update');
        if (row === undefined) return undefined;
        const [current] = await wholeFunnels(db, [row]);
        if (current === undefined) return undefined;
        const next = change(current);
        ({ name } = next);
        const changed = !sameDefinition(current.definition, next.definition);
        if (!changed && name === current.name) return current;
        const revision = current.revision + (changed ? 1 : 0);
        const updatedAt = new Date(Math.max(now, current.updatedAt));
        await db.update(funnels).set({ name, revision, updatedAt }).where(eq(funnels.id, id));
        if (changed) await insertRevision(db, { id, revision }, next.definition, updatedAt);
        const after = toFunnel({ ...row, name, revision, updatedAt }, next.definition);
        await along(db, current, after);
        return after;
      },
    );
  }

  /** A project's funnels, oldest first; at most `limit`, after the row that `after` names. */
  async list(projectId: string, limit: number, after?: { createdAt: number; id: string }): Promise<SavedFunnel[]> {
    return this.postgres.run(async (db) => {
      const rows = await db
        .select()
        .from(funnels)
        .where(and(eq(funnels.projectId, projectId), rowsAfter(funnels.createdAt, funnels.id, after, 'oldest first')))
        .orderBy(asc(funnels.createdAt), asc(funnels.id))
        .limit(limit);
      return wholeFunnels(db, rows);
    });
  }

  /** A funnel, as it is or as a revision has it; undefined where there is none. */
  async find(projectId: string, id: string, revision?: number): Promise<SavedFunnel | undefined> {
    return this.postgres.run(async (db) => {
      const [row] = await db.select().from(funnels).where(ofProject(projectId, id));
      if (row === undefined) return undefined;
      const [funnel] = await wholeFunnels(db, [{ ...row, revision: revision ?? row.revision }]);
      return funnel;
    });
  }

  /** Revisions of a funnel, oldest first; at most `limit`, after one. Undefined where there is no such funnel. */
  async revisions(
    projectId: string,
    id: string,
    limit: number,
    after: number,
  ): Promise<readonly FunnelRevision[] | undefined> {
    return this.postgres.run(async (db) => {
      const [row] = await db.select({ id: funnels.id }).from(funnels).where(ofProject(projectId, id));
      if (row === undefined) return undefined;
      const rows = await db
        .select()
        .from(funnelRevisions)
        .where(and(eq(funnelRevisions.funnelId, id), gt(funnelRevisions.revision, after)))
        .orderBy(asc(funnelRevisions.revision))
        .limit(limit);
      const steps = await stepsOf(
        db,
        rows.map(({ revision }) => ({ id, revision })),
      );
      return rows.map((revision) => ({
        revision: revision.revision,
        definition: toDefinition(revision, steps.get(keyText({ id, revision: revision.revision }))),
        createdAt: revision.createdAt.getTime(),
      }));
    });
  }

  /** Removes a funnel with its revisions. @returns whether it was there */
  async remove(projectId: string, id: string, along: Along<[name: string]>): Promise<boolean> {
    return this.postgres.transaction(async (db) => {
      const [gone] = await db.delete(funnels).where(ofProject(projectId, id)).returning({ name: funnels.name });
      if (gone === undefined) return false;
      await along(db, gone.name);
      return true;
    });
  }

  /** A transaction in which a funnel gets a name. */
  async #named<T>(name: string | (() => string), work: (db: Db) => Promise<T>): Promise<T> {
    try {
      return await this.postgres.transaction(work);
    } catch (error) {
      if (!isUniqueViolation(error, 'funnels_by_name')) throw error;
      const taken = typeof name === 'string' ? name : name();
      throw funnelNameTaken({ detail: `The project already has a funnel named "${taken}".` });
    }
  }
}

const ofProject = (projectId: string, id: string) => and(eq(funnels.projectId, projectId), eq(funnels.id, id));
const keyText = ({ id, revision }: Key): string => `${id} ${revision}`;

/** Rows with what their revisions look for. Revisions never change, so it does not matter that these are read later. */
async function wholeFunnels(db: Db, rows: readonly FunnelRow[]): Promise<SavedFunnel[]> {
  if (rows.length === 0) return [];
  const revisions = await db.select().from(funnelRevisions).where(among(funnelRevisions, rows));
  const steps = await stepsOf(db, rows);
  const found = new Map(revisions.map((row) => [keyText({ id: row.funnelId, revision: row.revision }), row]));
  return rows.flatMap((row) => {
    const revision = found.get(keyText(row));
    // Deleted in between, or a revision that there is none of.
    return revision === undefined ? [] : [toFunnel(row, toDefinition(revision, steps.get(keyText(row))))];
  });
}

/** Steps by their revision, in order. */
async function stepsOf(db: Db, keys: readonly Key[]): Promise<Map<string, StepWish[]>> {
  const rows = await db.select().from(funnelSteps).where(among(funnelSteps, keys)).orderBy(asc(funnelSteps.position));
  const steps = new Map<string, StepWish[]>();
  for (const { funnelId, revision, name, event, page, goal, filters, optional } of rows) {
    const key = keyText({ id: funnelId, revision });
    const step = {
      name: name ?? undefined,
      event: event ?? undefined,
      page: page ?? undefined,
      goal: goal ?? undefined,
      filters: filters ?? undefined,
      optional,
    };
    steps.set(key, [...(steps.get(key) ?? []), step]);
  }
  return steps;
}

const among = (table: typeof funnelRevisions | typeof funnelSteps, keys: readonly Key[]) =>
  sql`(${table.funnelId}, ${table.revision}) IN (
    SELECT * FROM unnest(${sql.param(keys.map(({ id }) => id))}::uuid[], ${sql.param(keys.map(({ revision }) => revision))}::int[]))`;

async function insertRevision(db: Db, { id, revision }: Key, definition: FunnelDefinition, at: Date): Promise<void> {
  const { mode, window, countBy, exclusions, holdConstant, steps } = definition;
  await db.insert(funnelRevisions).values({
    funnelId: id,
    revision,
    mode,
    windowSeconds: window,
    countBy,
    exclusions: [...exclusions],
    holdConstant: [...holdConstant],
    createdAt: at,
  });
  await db.insert(funnelSteps).values(
    steps.map(({ filters, optional = false, ...step }, index) => ({
      ...step,
      funnelId: id,
      revision,
      position: index + 1,
      filters: filters === undefined ? null : [...filters],
      optional,
    })),
  );
}

const toDefinition = (row: typeof funnelRevisions.$inferSelect, steps: readonly StepWish[] = []): FunnelDefinition =>
  definitionOf({
    steps,
    mode: row.mode,
    window: row.windowSeconds,
    countBy: row.countBy,
    exclusions: row.exclusions,
    holdConstant: row.holdConstant,
  });

const toFunnel = (
  { id, name, revision, createdAt, updatedAt }: Omit<FunnelRow, 'projectId'>,
  definition: FunnelDefinition,
): SavedFunnel => ({
  id,
  name,
  revision,
  definition,
  createdAt: createdAt.getTime(),
  updatedAt: updatedAt.getTime(),
});
