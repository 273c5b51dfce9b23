// All SQL about goals.
import { Injectable } from '@nestjs/common';
import { and, asc, eq, gt, or } from 'drizzle-orm';
import { Postgres } from '../platform/postgres/postgres';
import { goals, toGoal } from './goals.schema';
import type { Goal } from './goals.types';

/** Goals in Postgres. */
@Injectable()
export class GoalsRepository {
  constructor(private readonly postgres: Postgres) {}

  /** A project's goals, oldest first; at most `limit`, after the row that `after` names. */
  async list(projectId: string, limit?: number, after?: { createdAt: number; id: string }): Promise<Goal[]> {
    const at = new Date(after?.createdAt ?? 0);
    const rows = await this.postgres.run((db) => {
      const query = db
        .select()
        .from(goals)
        .where(
          and(
            eq(goals.projectId, projectId),
            after === undefined
              ? undefined
              : or(gt(goals.createdAt, at), and(eq(goals.createdAt, at), gt(goals.id, after.id))),
          ),
        )
        .orderBy(asc(goals.createdAt), asc(goals.id));
      return limit === undefined ? query : query.limit(limit);
    });
    return rows.map(toGoal);
  }
}
