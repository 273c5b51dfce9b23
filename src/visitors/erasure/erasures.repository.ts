// Which erasures wait, who works on them, and what of a visitor is in Postgres? All SQL of erasure that is not the warehouse's.
import { Injectable } from '@nestjs/common';
import { and, eq, inArray, lte, sql } from 'drizzle-orm';
import { type Actor, AuditLog } from '../../audit';
import { idempotentRequests } from '../../auth/auth.schema';
import { newId } from '../../common/ids';
import { coalesce, type TimeRange } from '../../common/time-range';
import { type ErasedHash, erasureMark, staleVisitors } from '../../events';
import { erasedEvents, erasedVisitors, visitorErasures } from '../../events/erasure/erasure.schema';
import { hexToUInt64 } from '../../events/pipeline';
import { type Db, Postgres } from '../../platform/postgres/postgres';
import type { JobRecord } from '../../platform/queue/jobs.types';
import type { Project } from '../../projects';
import { projects } from '../../projects/projects.schema';
import { visitorTraits } from '../visitors.schema';

/** Hashes of one sweep, and rows of one statement. */
const MOST_HASHES = 5_000;
const ROWS = 2_000;

/** Erasures that are worked on together. */
export interface Claimed {
  readonly claim: string;
  readonly project: { readonly id: string; readonly number: number };
  readonly hashes: readonly ErasedHash[];
  /** From where an earlier try took events. */
  readonly touched: readonly TimeRange[];
}

/** Where an erasure is that a job waits for. */
export interface Stage {
  readonly project: number;
  /** Nobody has looked at it yet: what is stored now can go now. */
  readonly isNew: boolean;
  /** No question finds a row any more; some are on the disk. */
  readonly isHidden: boolean;
  /** Until nothing can be added that did not know of it, milliseconds. */
  readonly inMs: number;
}

const inMs = (ms: number) => sql`now() + ${ms} * interval '1 millisecond'`;
const beforeMs = (ms: number) => sql`now() - ${ms} * interval '1 millisecond'`;

@Injectable()
export class ErasuresRepository {
  constructor(
    private readonly postgres: Postgres,
    private readonly audit: AuditLog,
  ) {}

  /** Whether the project was told to erase one of these before, or keeps traits of one. */
  async isKnown(project: Project, hashes: readonly string[]): Promise<boolean> {
    const { rows } = await this.postgres.run((db) =>
      db.execute(sql`
        SELECT 1 FROM ${erasedVisitors} WHERE project = ${project.number} AND mark = ANY(${marksOf(project.number, hashes)})
        UNION ALL
        SELECT 1 FROM ${visitorTraits} WHERE project_id = ${project.id} AND visitor = ANY(${list(hashes)})
        LIMIT 1`),
    );
    return rows.length > 0;
  }

  /** Notes an erasure: from now on nothing of before is taken in.
   *  @param keepJob keeps the job that deletes what is there, in the same transaction */
  async begin(
    project: Project,
    hashes: readonly string[],
    now: number,
    actor: Actor,
    keepJob: (db: Db) => Promise<JobRecord>,
  ): Promise<JobRecord> {
    return this.postgres.transaction(async (db) => {
      const erasedAt = new Date(now);
      const job = await keepJob(db);
      for (const some of parts(hashes)) {
        await db
          .insert(visitorErasures)
          .values(some.map((visitor) => ({ id: newId(), project: project.number, visitor, job: job.id, erasedAt })));
        await db
          .insert(erasedVisitors)
          .values(
            some
              .map((visitor) => ({ project: project.number, mark: markOf(project.number, visitor), erasedAt }))
              .toSorted(byMark),
          )
          .onConflictDoUpdate({
            target: [erasedVisitors.project, erasedVisitors.mark],
            set: {
              erasedAt: sql`greatest(${erasedVisitors.erasedAt}, excluded.erased_at)`,
              changedAt: sql`now()`,
              settledAt: null,
            },
          });
      }
      await this.audit.record(db, actor, {
        projectId: project.id,
        action: 'visitor.erased',
        targetId: markOf(project.number, hashes[0] ?? ''),
      });
      return job;
    });
  }

  /** How far what a job waits for has come; undefined: all of it is gone. */
  async stageOf(job: string, writersMs: number): Promise<Stage | undefined> {
    const { rows } = await this.postgres.run((db) =>
      db.execute<{ project: number; new: boolean; hidden: boolean; left: number }>(sql`
        SELECT project, bool_or(claim IS NULL) AS new, bool_and(hidden_at IS NOT NULL) AS hidden,
          (extract(epoch FROM max(created_at) - (${beforeMs(writersMs)})) * 1000)::float8 AS left
        FROM ${visitorErasures} WHERE job = ${job} GROUP BY project`),
    );
    const [row] = rows;
    if (row === undefined) return undefined;
    const { project, new: isNew, hidden: isHidden, left } = row;
    return { project, isNew, isHidden, inMs: Math.max(0, Math.ceil(left)) };
  }

  /** Takes the erasures of a project that are not hidden: those to which nothing can be added any more, or those that nobody has looked at.
   *  Nobody else gets them for `forMs`, nor others of the project.
   *  @param writersMs undefined: those that nobody has looked at, however young
   *  @returns undefined where there are none, or somebody works on the project */
  async claim(project: number, writersMs: number | undefined, forMs: number): Promise<Claimed | undefined> {
    const claim = newId();
    const those = writersMs === undefined ? sql`claim IS NULL` : sql`created_at <= ${beforeMs(writersMs)}`;
    return this.postgres.transaction(async (db) => {
      // One after the other: two who look at once would both find nobody at work.
      const [owner] = await db
        .select({ id: projects.id, number: projects.number })
        .from(projects)
        .where(eq(projects.number, project))
        .for('no key update');
      if (owner === undefined) return undefined;
      const { rows } = await db.execute<ErasureRow>(sql`
        UPDATE ${visitorErasures} SET claim = ${claim}, claimed_until = ${inMs(forMs)}
        WHERE id IN (
          SELECT id FROM ${visitorErasures}
          WHERE project = ${project} AND hidden_at IS NULL AND ${those}
            AND NOT EXISTS (
              SELECT 1 FROM ${visitorErasures}
              WHERE project = ${project} AND hidden_at IS NULL AND claimed_until >= now())
          ORDER BY created_at, id LIMIT ${MOST_HASHES})
        RETURNING visitor, (extract(epoch FROM erased_at) * 1000)::bigint AS erased, touched`);
      return rows.length === 0 ? undefined : { claim, project: owner, ...together(rows) };
    });
  }

  /** Projects with erasures that can be hidden for good, and that nobody works on. */
  async ripeProjects(writersMs: number): Promise<number[]> {
    const { rows } = await this.postgres.run((db) =>
      db.execute<{ project: number }>(sql`
        SELECT project FROM ${visitorErasures} WHERE hidden_at IS NULL GROUP BY project
        HAVING min(created_at) <= ${beforeMs(writersMs)} AND coalesce(max(claimed_until) < now(), true)`),
    );
    return rows.map(({ project }) => project);
  }

  /** Goes on holding a claim, or lets it go. @param forMs 0: others may have it */
  async hold({ claim }: Pick<Claimed, 'claim'>, forMs: number): Promise<void> {
    await this.postgres.run((db) =>
      db
        .update(visitorErasures)
        .set({ claimedUntil: forMs === 0 ? null : inMs(forMs) })
        .where(eq(visitorErasures.claim, claim)),
    );
  }

  /** Remembers from where events have been and are about to be taken: once they are gone nobody could say. Each of those that are hidden
   *  together remembers it, as they may be purged apart. */
  async touch({ claim }: Claimed, ranges: readonly TimeRange[]): Promise<void> {
    if (ranges.length === 0) return;
    await this.postgres.run((db) =>
      db
        .update(visitorErasures)
        .set({ touched: ranges.map(({ from, to }) => [from, to]) })
        .where(eq(visitorErasures.claim, claim)),
    );
  }

  /** Lets a claim go whose rows are hidden for good.
   *  TRICKY: all that was derived up to this moment counts as worked out from what is hidden now; what is derived later is not. */
  async hidden({ claim }: Claimed): Promise<void> {
    await this.postgres.run((db) =>
      db
        .update(visitorErasures)
        .set({ hiddenAt: sql`now()`, derivedUpTo: sql`(SELECT last_value FROM rollup_versions)`, claimedUntil: null })
        .where(eq(visitorErasures.claim, claim)),
    );
  }

  /** Jobs that wait for what is claimed. */
  async jobsOf({ claim }: Claimed): Promise<string[]> {
    const rows = await this.postgres.run((db) =>
      db.selectDistinct({ job: visitorErasures.job }).from(visitorErasures).where(eq(visitorErasures.claim, claim)),
    );
    return rows.flatMap(({ job }) => job ?? []);
  }

  /** Remembers ids of events. Repeatable. */
  async rememberEvents(project: number, ids: readonly string[], now: number): Promise<void> {
    const erasedAt = new Date(now);
    for (const some of parts(ids))
      await this.postgres.run((db) =>
        db
          .insert(erasedEvents)
          .values(some.map((event) => ({ project, event, erasedAt })))
          .onConflictDoNothing(),
      );
  }

  /** Deletes what Postgres holds of them: traits, answers about persons, links that wait to be spread. Repeatable. */
  async deleteRows({ project, hashes }: Claimed): Promise<void> {
    const latest = new Date(Math.max(...hashes.map(({ erasedAt }) => erasedAt)));
    for (const some of parts(hashes)) {
      const names = list(some.map(({ hash }) => hash));
      const times = list(some.map(({ erasedAt }) => new Date(erasedAt).toISOString()));
      await this.postgres.run((db) =>
        db.execute(sql`
          DELETE FROM ${visitorTraits} AS traits
          USING unnest(${names}::text[], ${times}::timestamptz[]) AS gone (visitor, erased_at)
          WHERE traits.project_id = ${project.id} AND traits.visitor = gone.visitor AND traits.updated_at <= gone.erased_at`),
      );
      const waiting = some.map(({ hash }) => hexToUInt64(hash));
      await this.postgres.run((db) =>
        db
          .delete(staleVisitors)
          .where(and(eq(staleVisitors.project, project.number), inArray(staleVisitors.visitor, waiting))),
      );
    }
    // Sealed: nobody can tell whose they are. All that are about persons go.
    await this.postgres.run((db) =>
      db
        .delete(idempotentRequests)
        .where(
          and(
            idempotentRequests.personal,
            inArray(idempotentRequests.owner, [project.id, 'root']),
            lte(idempotentRequests.startedAt, latest),
          ),
        ),
    );
  }

  /** Ends a claim whose rows are gone everywhere.
   *  @param endJobs ends the jobs for which that was the last, in the same transaction */
  async finish(
    { claim, project }: Pick<Claimed, 'claim' | 'project'>,
    endJobs: (db: Db, ids: readonly string[]) => Promise<void>,
  ): Promise<void> {
    await this.postgres.transaction(async (db) => {
      const done = await db
        .delete(visitorErasures)
        .where(and(eq(visitorErasures.claim, claim), eq(visitorErasures.project, project.number)))
        .returning({ visitor: visitorErasures.visitor, job: visitorErasures.job });
      const still = await this.#stillWaiting(
        db,
        project.number,
        done.map(({ visitor }) => visitor),
      );
      const marks = done
        .filter(({ visitor }) => !still.has(visitor))
        .map(({ visitor }) => markOf(project.number, visitor));
      for (const some of parts([...new Set(marks)].toSorted()))
        await db
          .update(erasedVisitors)
          .set({ settledAt: sql`now()`, changedAt: sql`now()` })
          .where(and(eq(erasedVisitors.project, project.number), inArray(erasedVisitors.mark, some)));
      const ids = [...new Set(done.flatMap(({ job }) => job ?? []))];
      if (ids.length === 0) return;
      const open = await db
        .selectDistinct({ job: visitorErasures.job })
        .from(visitorErasures)
        .where(inArray(visitorErasures.job, ids));
      const waiting = new Set(open.map(({ job }) => job));
      await endJobs(
        db,
        ids.filter((id) => !waiting.has(id)),
      );
    });
  }

  async #stillWaiting(db: Db, project: number, visitors: readonly string[]): Promise<Set<string>> {
    const found = new Set<string>();
    for (const some of parts([...new Set(visitors)]))
      for (const { visitor } of await db
        .selectDistinct({ visitor: visitorErasures.visitor })
        .from(visitorErasures)
        .where(and(eq(visitorErasures.project, project), inArray(visitorErasures.visitor, some))))
        found.add(visitor);
    return found;
  }
}

/** What is read of the rows of one project that are worked on together. */
export type ErasureRow = { visitor: string; erased: string; touched: [number, number][] | null };

/** Each hash once, up to its last erasure, and all stretches that were touched. */
export function together(rows: readonly ErasureRow[]): Pick<Claimed, 'hashes' | 'touched'> {
  const hashes = new Map<string, number>();
  for (const { visitor, erased } of rows) hashes.set(visitor, Math.max(Number(erased), hashes.get(visitor) ?? 0));
  const stretches = new Map(
    rows.flatMap(({ touched }) => (touched ?? []).map(([from, to]) => [`${from}-${to}`, { from, to }] as const)),
  );
  return {
    hashes: [...hashes].map(([hash, erasedAt]) => ({ hash, erasedAt })),
    touched: coalesce([...stretches.values()].sort((a, b) => a.from - b.from)),
  };
}

/** The mark of a hash of 16 hexadecimal digits. */
const markOf = (project: number, hash: string): string => erasureMark(project, hexToUInt64(hash));
const marksOf = (project: number, hashes: readonly string[]) =>
  sql`${list(hashes.map((hash) => markOf(project, hash)))}::text[]`;
const list = (values: readonly string[]) => sql.param([...values]);
const byMark = (a: { mark: string }, b: { mark: string }): number => (a.mark < b.mark ? -1 : 1);

function* parts<T>(items: readonly T[]): Generator<T[]> {
  for (let at = 0; at < items.length; at += ROWS) yield items.slice(at, at + ROWS);
}
