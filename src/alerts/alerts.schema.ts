// Which tables hold alerts and their webhooks, and how does a row become one?
import { sql } from 'drizzle-orm';
import {
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { bytea } from '../platform/postgres/columns';
import { projects } from '../projects/projects.schema';
import type { Alert, AlertState, Condition, Delivery, DeliveryState, Fault, MessageType } from './alerts.types';

/** Name of the rule that a name is there once in a project. */
export const ALERT_NAMES = 'alerts_by_name';

const moment = () => timestamp({ withTimezone: true, precision: 3 });

/** Alerts. */
export const alerts = pgTable(
  'alerts',
  {
    id: uuid().primaryKey(),
    projectId: uuid()
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    name: text().notNull(),
    metric: text().notNull(),
    /** The tree as it was sent. */
    filters: jsonb().$type<unknown[]>(),
    windowSeconds: integer().notNull(),
    condition: text().$type<Condition>().notNull(),
    threshold: doublePrecision().notNull(),
    url: text().notNull(),
    enabled: boolean().notNull(),
    state: text().$type<AlertState>().notNull(),
    told: text().$type<'ok' | 'firing'>().notNull(),
    revision: integer().notNull(),
    lastCheckedAt: moment(),
    lastValue: doublePrecision(),
    /** The secret itself is kept nowhere. */
    secretSalt: bytea().notNull(),
    createdAt: moment().notNull(),
    updatedAt: moment().notNull(),
  },
  (table) => [
    uniqueIndex(ALERT_NAMES).on(table.projectId, table.name),
    index('alerts_by_age').on(table.projectId, table.createdAt, table.id),
    index('alerts_enabled')
      .on(table.id)
      .where(sql`${table.enabled}`),
  ],
);

/** Webhooks: written in the transaction of what they tell, and tried until they are delivered or dead. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    id: uuid().primaryKey(),
    projectId: uuid()
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    alertId: uuid()
      .notNull()
      .references(() => alerts.id, { onDelete: 'cascade' }),
    type: text().$type<MessageType>().notNull(),
    body: text().notNull(),
    state: text().$type<DeliveryState>().notNull(),
    attempts: integer().notNull(),
    /** While a try is under way: when it counts as lost. */
    nextAttemptAt: moment().notNull(),
    lastAttemptAt: moment(),
    lastFault: text().$type<Fault>(),
    lastStatus: integer(),
    lastResponse: text(),
    createdAt: moment().notNull(),
    deliveredAt: moment(),
  },
  (table) => [
    index('webhook_deliveries_by_age').on(table.projectId, table.createdAt, table.id),
    index('webhook_deliveries_by_alert').on(table.alertId),
    index('webhook_deliveries_due')
      .on(table.nextAttemptAt)
      .where(sql`${table.state} = 'pending'`),
  ],
);

/** A row as the server works with it. */
export const toAlert = ({ filters, ...row }: typeof alerts.$inferSelect): Alert => ({
  ...row,
  ...(filters === null ? {} : { filters }),
  lastCheckedAt: row.lastCheckedAt?.getTime() ?? null,
  createdAt: row.createdAt.getTime(),
  updatedAt: row.updatedAt.getTime(),
});

/** An alert as a row. */
export const toRow = ({ filters, ...alert }: Alert): typeof alerts.$inferInsert => ({
  ...alert,
  filters: filters === undefined ? null : [...filters],
  lastCheckedAt: alert.lastCheckedAt === null ? null : new Date(alert.lastCheckedAt),
  createdAt: new Date(alert.createdAt),
  updatedAt: new Date(alert.updatedAt),
});

/** A row as the server works with it. */
export const toDelivery = (row: typeof webhookDeliveries.$inferSelect): Delivery => ({
  ...row,
  nextAttemptAt: row.nextAttemptAt.getTime(),
  lastAttemptAt: row.lastAttemptAt?.getTime() ?? null,
  createdAt: row.createdAt.getTime(),
  deliveredAt: row.deliveredAt?.getTime() ?? null,
});
