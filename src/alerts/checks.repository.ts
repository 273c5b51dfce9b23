// All SQL about checking alerts: which are due, and what a check found.
import { Injectable } from '@nestjs/common';
import { and, asc, eq, gt, isNull, lte, or } from 'drizzle-orm';
import { MINUTE_MS } from '../common/time-range';
import { Postgres } from '../platform/postgres/postgres';
import { projects, toProject } from '../projects/projects.schema';
import type { Project } from '../projects/projects.types';
import { newsOf, stateOf } from './alert.verdict';
import { alerts, toAlert, webhookDeliveries } from './alerts.schema';
import type { Alert, AlertState, MessageType, Reading } from './alerts.types';

/** An alert with its project. */
export interface Watched {
  readonly alert: Alert;
  readonly project: Project;
}

/** What is to be delivered: its id and the text of it. */
export interface Outgoing {
  readonly id: string;
  readonly body: string;
}

/** Words for what is told. */
export type Tell = (type: MessageType, alert: Alert, state: AlertState) => Outgoing;

/** No other worker is so much ahead: a check of then was made by a clock that was put back since, and is as good as none. */
const AHEAD_MS = 5 * MINUTE_MS;

/** Checks in Postgres. */
@Injectable()
export class ChecksRepository {
  constructor(private readonly postgres: Postgres) {}

  /** Alerts that nobody checked since `before`, by their ids; at most `limit`, after the id `after`. */
  async due(before: number, limit: number, after?: string): Promise<Watched[]> {
    const rows = await this.postgres.run((db) =>
      db
        .select({ alert: alerts, project: projects })
        .from(alerts)
        .innerJoin(projects, eq(projects.id, alerts.projectId))
        .where(
          and(
            eq(alerts.enabled, true),
            isNull(projects.deletedAt),
            or(
              isNull(alerts.lastCheckedAt),
              lte(alerts.lastCheckedAt, new Date(before)),
              gt(alerts.lastCheckedAt, new Date(before + AHEAD_MS)),
            ),
            after === undefined ? undefined : gt(alerts.id, after),
          ),
        )
        .orderBy(asc(alerts.id))
        .limit(limit),
    );
    return rows.map(({ alert, project }) => ({ alert: toAlert(alert), project: toProject(project) }));
  }

  /** Keeps what a check found, and in the same transaction what its receiver is to be told. A check is worth nothing where the question
   *  was changed meanwhile, or somebody checked later than this.
   *  @param at when the alert was checked, milliseconds
   *  @returns the id of the delivery, where there is news */
  settle(seen: Alert, at: number, reading: Reading, tell: Tell): Promise<string | undefined> {
    return this.postgres.transaction(async (db) => {
      // Two workers that find the same wait for each other here: the second one finds it told.
      const [row] = await db.select().from(alerts).where(eq(alerts.id, seen.id)).for('update');
      if (row === undefined || !row.enabled || row.revision !== seen.revision) return undefined;
      const alert = toAlert(row);
      const ahead = (alert.lastCheckedAt ?? at) - at;
      if (ahead > 0 && ahead <= AHEAD_MS) return undefined;
      const state = stateOf(alert, reading);
      const news = newsOf(alert, state);
      const checked = { state, lastCheckedAt: new Date(at), lastValue: reading.value };
      await db
        .update(alerts)
        .set({ ...checked, ...(state === 'unknown' ? {} : { told: state }) })
        .where(eq(alerts.id, alert.id));
      if (news === undefined) return undefined;
      const { id, body } = tell(news, alert, state);
      await db.insert(webhookDeliveries).values({
        id,
        projectId: alert.projectId,
        alertId: alert.id,
        type: news,
        body,
        state: 'pending',
        attempts: 0,
        nextAttemptAt: new Date(at),
        createdAt: new Date(at),
      });
      return id;
    });
  }
}
