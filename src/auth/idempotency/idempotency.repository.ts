// All SQL about requests that must be done once.
import { Injectable } from '@nestjs/common';
import { and, eq, isNull, lt, or } from 'drizzle-orm';
import { Postgres } from '../../platform/postgres/postgres';
import { idempotentRequests } from '../auth.schema';

/** A request under its key, and its answer once there is one. */
export type IdempotentRow = typeof idempotentRequests.$inferSelect;

/** What names a request. */
export interface RequestName {
  readonly owner: string;
  readonly key: string;
}

/** Idempotent requests in Postgres. */
@Injectable()
export class IdempotencyRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Claims the key for a request, if nobody has: also where the one who had is past its time, or ended without an answer.
   *  @param abandonedBefore a request that began before this and has no answer will get none
   *  @returns undefined where the claim holds, else the request that has the key */
  async claim(
    name: RequestName,
    requestHash: Buffer,
    times: { now: Date; expiresAt: Date; abandonedBefore: Date },
    personal = false,
  ): Promise<IdempotentRow | undefined> {
    const fresh = {
      requestHash,
      status: null,
      sealedBody: null,
      headers: null,
      personal,
      startedAt: times.now,
      expiresAt: times.expiresAt,
    };
    return this.postgres.run(async (db) => {
      const claimed = await db
        .insert(idempotentRequests)
        .values({ ...name, ...fresh })
        .onConflictDoUpdate({
          target: [idempotentRequests.owner, idempotentRequests.key],
          set: fresh,
          setWhere: or(
            lt(idempotentRequests.expiresAt, times.now),
            and(isNull(idempotentRequests.status), lt(idempotentRequests.startedAt, times.abandonedBefore)),
          ),
        })
        .returning({ owner: idempotentRequests.owner });
      if (claimed.length > 0) return undefined;
      const [other] = await db.select().from(idempotentRequests).where(named(name));
      // Gone in between: its request failed and let go. Tell the client to come again.
      return other ?? { ...name, ...fresh };
    });
  }

  /** Keeps the answer. */
  async finish(name: RequestName, status: number, sealedBody: Buffer): Promise<void> {
    await this.postgres.run((db) => db.update(idempotentRequests).set({ status, sealedBody }).where(named(name)));
  }

  /** Lets go of the key: the request did nothing. */
  async release(name: RequestName): Promise<void> {
    await this.postgres.run((db) => db.delete(idempotentRequests).where(named(name)));
  }

  /** Removes requests whose time is over. */
  async removeExpired(now: Date): Promise<void> {
    await this.postgres.run((db) => db.delete(idempotentRequests).where(lt(idempotentRequests.expiresAt, now)));
  }
}

const named = ({ owner, key }: RequestName) =>
  and(eq(idempotentRequests.owner, owner), eq(idempotentRequests.key, key));
