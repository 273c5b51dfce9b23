// All SQL about requests that must be done once.
import { Injectable } from '@nestjs/common';
import { and, eq, inArray, isNull, lt, or } from 'drizzle-orm';
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

  /** Says that the request still runs. @param marks what its row may bear, the newest `startedAt` @returns whether the key is still its own */
  async renew(name: RequestName, marks: readonly Date[], startedAt: Date): Promise<boolean> {
    return this.#change(name, marks, { startedAt });
  }

  /** Keeps the answer. @returns whether the key is still its own; else nothing is kept */
  async finish(name: RequestName, marks: readonly Date[], status: number, sealedBody: Buffer): Promise<boolean> {
    return this.#change(name, marks, { status, sealedBody });
  }

  /** Lets go of the key, where it is still its own: the request did nothing. */
  async release(name: RequestName, marks: readonly Date[]): Promise<void> {
    await this.postgres.run((db) => db.delete(idempotentRequests).where(running(name, marks)));
  }

  /** Removes requests whose time is over. */
  async removeExpired(now: Date): Promise<void> {
    await this.postgres.run((db) => db.delete(idempotentRequests).where(lt(idempotentRequests.expiresAt, now)));
  }

  async #change(name: RequestName, marks: readonly Date[], values: Partial<IdempotentRow>): Promise<boolean> {
    const changed = await this.postgres.run((db) =>
      db
        .update(idempotentRequests)
        .set(values)
        .where(running(name, marks))
        .returning({ owner: idempotentRequests.owner }),
    );
    return changed.length > 0;
  }
}

const named = ({ owner, key }: RequestName) =>
  and(eq(idempotentRequests.owner, owner), eq(idempotentRequests.key, key));

/** The row of one request: whoever claims the key after it leaves another mark. */
const running = (name: RequestName, marks: readonly Date[]) =>
  and(named(name), isNull(idempotentRequests.status), inArray(idempotentRequests.startedAt, [...marks]));
