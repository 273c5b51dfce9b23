// All SQL about alerts as their owners see them.
import { Injectable } from '@nestjs/common';
import { and, asc, count, eq, max, type SQL } from 'drizzle-orm';
import { rowsAfter } from '../platform/postgres/keyset';
import { type Db, Postgres } from '../platform/postgres/postgres';
import { projects } from '../projects/projects.schema';
import { alerts, toAlert, toRow } from './alerts.schema';
import type { Alert } from './alerts.types';

/** What else belongs into the transaction of a change: its entry in the audit log. */
type Along<T extends unknown[]> = (db: Db, ...alerts: T) => Promise<void>;

/** Alerts in Postgres. */
@Injectable()
export class AlertsRepository {
  constructor(private readonly postgres: Postgres) {}

  /** A project's alerts, oldest first; at most `limit`, after the row that `after` names. */
  async list(projectId: string, limit: number, after?: { createdAt: number; id: string }): Promise<Alert[]> {
    const rows = await this.postgres.run((db) =>
      db
        .select()
        .from(alerts)
        .where(and(eq(alerts.projectId, projectId), rowsAfter(alerts.createdAt, alerts.id, after, 'oldest first')))
        .orderBy(asc(alerts.createdAt), asc(alerts.id))
        .limit(limit),
    );
    return rows.map(toAlert);
  }

  async find(projectId: string, id: string): Promise<Alert | undefined> {
    const [row] = await this.postgres.run((db) => db.select().from(alerts).where(named(projectId, id)));
    return row === undefined ? undefined : toAlert(row);
  }

  /** Adds an alert where the project has fewer than `most`. Makers of one project's alerts wait for each other, so that they count right.
   *  @param make the alert, to be the newest: made after that moment, milliseconds, so that whoever walks the list does not miss it
   *  @throws a unique violation where the name is taken */
  insert(
    projectId: string,
    most: number,
    make: (after: number) => Alert,
    along: Along<[made: Alert]>,
  ): Promise<Alert | 'too many' | 'no project'> {
    return this.postgres.transaction(async (db) => {
      const [project] = await db
        .select({ id: projects.id })
        .from(projects)
        .where(eq(projects.id, projectId))
        .for('no key update');
      if (project === undefined) return 'no project';
      const [held] = await db
        .select({ alerts: count(), newest: max(alerts.createdAt) })
        .from(alerts)
        .where(eq(alerts.projectId, projectId));
      if ((held?.alerts ?? 0) >= most) return 'too many';
      const alert = make(held?.newest?.getTime() ?? 0);
      await db.insert(alerts).values(toRow(alert));
      await along(db, alert);
      return alert;
    });
  }

  /** Puts in an alert's place what `change` makes of it; changes and checks of one alert wait for each other, so that none is lost.
   *  @returns the alert as it is now; undefined where there is none
   *  @throws a unique violation where the name is taken; whatever `change` throws */
  change(
    projectId: string,
    id: string,
    change: (alert: Alert) => Alert,
    along: Along<[before: Alert, after: Alert]>,
  ): Promise<Alert | undefined> {
    return this.postgres.transaction(async (db) => {
      const [row] = await db.select().from(alerts).where(named(projectId, id)).for('update');
      if (row === undefined) return undefined;
      const before = toAlert(row);
      const changed = change(before);
      await db.update(alerts).set(toRow(changed)).where(named(projectId, id));
      await along(db, before, changed);
      return changed;
    });
  }

  /** Removes an alert, and what it has to tell. @returns whether there was such an alert */
  delete(projectId: string, id: string, along: Along<[gone: Alert]>): Promise<boolean> {
    return this.postgres.transaction(async (db) => {
      const [gone] = await db.delete(alerts).where(named(projectId, id)).returning();
      if (gone !== undefined) await along(db, toAlert(gone));
      return gone !== undefined;
    });
  }
}

const named = (projectId: string, id: string): SQL | undefined =>
  and(eq(alerts.projectId, projectId), eq(alerts.id, id));
