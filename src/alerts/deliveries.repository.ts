// All SQL about webhooks on their way.
import { Injectable } from '@nestjs/common';
import { and, asc, desc, eq, isNull, lt, lte, ne, sql, type SQL } from 'drizzle-orm';
import { rowsAfter } from '../platform/postgres/keyset';
import { Postgres } from '../platform/postgres/postgres';
import { projects } from '../projects/projects.schema';
import { alerts, toDelivery, webhookDeliveries as deliveries } from './alerts.schema';
import type { Attempt, Delivery, DeliveryState } from './alerts.types';

/** A delivery that one worker has for itself, with what it takes to send it. */
export interface Claimed {
  readonly delivery: Delivery;
  readonly url: string;
  readonly secretSalt: Buffer;
  readonly projectSecret: Buffer;
}

/** Which deliveries a list shows. */
export interface DeliveryFilter {
  readonly state?: DeliveryState | undefined;
  readonly alertId?: string | undefined;
}

/** Webhooks in Postgres. */
@Injectable()
export class DeliveriesRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Deliveries whose time has come, longest due first. */
  due(now: number, limit: number): Promise<Pick<Delivery, 'id' | 'attempts'>[]> {
    return this.postgres.run((db) =>
      db
        .select({ id: deliveries.id, attempts: deliveries.attempts })
        .from(deliveries)
        .where(isDue(now))
        .orderBy(asc(deliveries.nextAttemptAt))
        .limit(limit),
    );
  }

  /** Takes a delivery for one try, and counts it, so that one that takes its worker down does not do so for ever.
   *  @param until when the try counts as lost, and another worker may take it
   *  @returns undefined where it is not due, or somebody else has it */
  claim(id: string, now: number, until: number): Promise<Claimed | undefined> {
    return this.postgres.transaction(async (db) => {
      const [row] = await db
        .update(deliveries)
        .set({ attempts: sql`${deliveries.attempts} + 1`, nextAttemptAt: new Date(until) })
        .where(and(eq(deliveries.id, id), isDue(now)))
        .returning();
      if (row === undefined) return undefined;
      const [to] = await db
        .select({ url: alerts.url, secretSalt: alerts.secretSalt, projectSecret: projects.secret })
        .from(alerts)
        .innerJoin(projects, eq(projects.id, alerts.projectId))
        .where(and(eq(alerts.id, row.alertId), isNull(projects.deletedAt)));
      return to === undefined ? undefined : { delivery: toDelivery(row), ...to };
    });
  }

  /** Keeps how a try went; nothing where the try was taken for lost and made again. */
  async finish(
    { id, attempts }: Delivery,
    { fault, status, response }: Attempt,
    to: { state: DeliveryState; nextAttemptAt: number; now: number },
  ): Promise<void> {
    await this.postgres.run((db) =>
      db
        .update(deliveries)
        .set({
          state: to.state,
          nextAttemptAt: new Date(to.nextAttemptAt),
          lastAttemptAt: new Date(to.now),
          lastFault: fault,
          lastStatus: status,
          lastResponse: response,
          deliveredAt: to.state === 'delivered' ? new Date(to.now) : null,
        })
        .where(and(eq(deliveries.id, id), eq(deliveries.state, 'pending'), eq(deliveries.attempts, attempts))),
    );
  }

  /** A project's deliveries, newest first; at most `limit`, after the row that `after` names. */
  async list(
    projectId: string,
    { state, alertId }: DeliveryFilter,
    limit: number,
    after?: { createdAt: number; id: string },
  ): Promise<Delivery[]> {
    const rows = await this.postgres.run((db) =>
      db
        .select()
        .from(deliveries)
        .where(
          and(
            eq(deliveries.projectId, projectId),
            state === undefined ? undefined : eq(deliveries.state, state),
            alertId === undefined ? undefined : eq(deliveries.alertId, alertId),
            rowsAfter(deliveries.createdAt, deliveries.id, after, 'newest first'),
          ),
        )
        .orderBy(desc(deliveries.createdAt), desc(deliveries.id))
        .limit(limit),
    );
    return rows.map(toDelivery);
  }

  /** Begins again with a delivery that is over, with all of its tries.
   *  @returns the delivery as it is now; `pending` where it is not over; undefined where there is none */
  replay(projectId: string, id: string, now: number): Promise<Delivery | 'pending' | undefined> {
    return this.postgres.transaction(async (db) => {
      const mine = and(eq(deliveries.projectId, projectId), eq(deliveries.id, id));
      const [row] = await db.select({ state: deliveries.state }).from(deliveries).where(mine).for('update');
      if (row === undefined) return undefined;
      if (row.state === 'pending') return 'pending';
      const [again] = await db
        .update(deliveries)
        .set({ state: 'pending', attempts: 0, nextAttemptAt: new Date(now), deliveredAt: null })
        .where(mine)
        .returning();
      return again === undefined ? undefined : toDelivery(again);
    });
  }

  /** Forgets what is over and was made before a moment. @returns how many */
  async expire(before: number): Promise<number> {
    const gone = await this.postgres.run((db) =>
      db.delete(deliveries).where(and(ne(deliveries.state, 'pending'), lt(deliveries.createdAt, new Date(before)))),
    );
    return gone.rowCount ?? 0;
  }
}

const isDue = (now: number): SQL | undefined =>
  and(eq(deliveries.state, 'pending'), lte(deliveries.nextAttemptAt, new Date(now)));
