// Which keys still work? All SQL of streams about keys, projects and tickets.
import { Injectable } from '@nestjs/common';
import { and, eq, gt, inArray, isNull, lt, or, sql } from 'drizzle-orm';
import { apiKeys } from '../../auth/auth.schema';
import { Postgres } from '../../platform/postgres/postgres';
import { projects } from '../../projects/projects.schema';
import { realtimeTickets } from '../realtime.schema';

/** A ticket that was used: whose it was; `keyId` is "root" where the root key made it. */
export interface UsedTicket {
  readonly projectId: string;
  readonly keyId: string;
}

@Injectable()
export class StreamKeysRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Those of these keys that work now. @throws storeUnavailable */
  async working(keyIds: readonly string[]): Promise<Set<string>> {
    if (keyIds.length === 0) return new Set();
    const rows = await this.postgres.run((db) =>
      db
        .select({ id: apiKeys.id })
        .from(apiKeys)
        .innerJoin(projects, eq(projects.id, apiKeys.projectId))
        .where(
          and(
            inArray(apiKeys.id, [...keyIds]),
            isNull(apiKeys.revokedAt),
            isNull(projects.deletedAt),
            or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, sql`now()`)),
          ),
        ),
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Those of these projects that are there. @throws storeUnavailable */
  async existing(projectIds: readonly string[]): Promise<Set<string>> {
    if (projectIds.length === 0) return new Set();
    const rows = await this.postgres.run((db) =>
      db
        .select({ id: projects.id })
        .from(projects)
        .where(and(inArray(projects.id, [...projectIds]), isNull(projects.deletedAt))),
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Keeps a ticket. @returns until when it works, milliseconds @throws storeUnavailable */
  async addTicket(hash: Buffer, { projectId, keyId }: UsedTicket, ms: number): Promise<number> {
    const [row] = await this.postgres.run(async (db) => {
      await db.delete(realtimeTickets).where(lt(realtimeTickets.expiresAt, sql`now()`));
      return db
        .insert(realtimeTickets)
        .values({ hash, projectId, keyId, expiresAt: sql`now() + ${ms} * interval '1 millisecond'` })
        .returning({ expiresAt: realtimeTickets.expiresAt });
    });
    return row!.expiresAt.getTime();
  }

  /** Takes a ticket away; undefined where there is none that works. Of two who bring the same one, one gets it. @throws storeUnavailable */
  async useTicket(hash: Buffer): Promise<UsedTicket | undefined> {
    const [row] = await this.postgres.run((db) =>
      db
        .delete(realtimeTickets)
        .where(and(eq(realtimeTickets.hash, hash), gt(realtimeTickets.expiresAt, sql`now()`)))
        .returning({ projectId: realtimeTickets.projectId, keyId: realtimeTickets.keyId }),
    );
    return row;
  }
}
