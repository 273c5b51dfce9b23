// What are a project's alerts, and how do they come, change and go?
import { Injectable } from '@nestjs/common';
import { type Actor, AuditLog, type Changes, changesBetween } from '../audit';
import { Clock } from '../common/clock';
import { toPage, type Page } from '../common/cursor';
import { newId } from '../common/ids';
import { notFound } from '../common/problem';
import { Env } from '../config/env';
import { isUniqueViolation } from '../platform/postgres/errors';
import type { Db } from '../platform/postgres/postgres';
import type { Project } from '../projects';
import { Figures } from '../stats';
import { type AlertWish, asksTheSame, makeAlert, mergeAlert } from './alert.rules';
import { alertNameTaken, tooManyAlerts } from './alerts.errors';
import { AlertsRepository } from './alerts.repository';
import { ALERT_NAMES } from './alerts.schema';
import type { Alert, AlertDefinition, Attempt } from './alerts.types';
import { readCursor } from './deliveries.service';
import { messageOf } from './webhook/message';
import { WebhookSender } from './webhook/sender';
import { newSalt, secretOf } from './webhook/signature';

const DEFAULT_LIMIT = 50;
const MOST_ALERTS = 100;

/** An alert whose secret is new, and shown this once. */
export interface WithSecret {
  readonly alert: Alert;
  readonly secret: string;
}

/** Not checked yet: nothing is known of its state but what its receiver was told. */
const UNCHECKED = { state: 'unknown', lastCheckedAt: null, lastValue: null } as const;

/** Alerts of projects. */
@Injectable()
export class AlertsService {
  constructor(
    private readonly repository: AlertsRepository,
    private readonly figures: Figures,
    private readonly sender: WebhookSender,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    private readonly env: Env,
  ) {}

  /** A page of a project's alerts, oldest first. */
  async list(
    projectId: string,
    { limit = DEFAULT_LIMIT, cursor }: { limit?: number; cursor?: string },
  ): Promise<Page<Alert>> {
    const after = cursor === undefined ? undefined : readCursor(cursor);
    const found = await this.repository.list(projectId, limit + 1, after);
    return toPage(
      found,
      limit,
      ({ createdAt, id }) => [createdAt, id],
      (alert) => alert,
    );
  }

  /** @throws notFound where the project has no such alert */
  async get(projectId: string, id: string): Promise<Alert> {
    const alert = await this.repository.find(projectId, id);
    if (alert === undefined) throw notFound();
    return alert;
  }

  /** Makes an alert.
   *  @throws invalidInput; alertNameTaken; tooManyAlerts; notFound where the project was erased meanwhile */
  async create(project: Project, wish: AlertWish, actor: Actor): Promise<WithSecret> {
    const definition = makeAlert(wish, this.env.ALERT_PRIVATE_ADDRESSES);
    await this.figures.check(project, definition);
    const secretSalt = newSalt();
    const made = await named(
      definition.name,
      this.repository.insert(
        project.id,
        MOST_ALERTS,
        (after) => {
          const now = Math.max(this.clock.now(), after + 1);
          const times = { createdAt: now, updatedAt: now };
          const fixed = { id: newId(), projectId: project.id, told: 'ok', revision: 1, secretSalt } as const;
          return { ...definition, ...UNCHECKED, ...times, ...fixed };
        },
        (db, alert) => this.#log(db, actor, 'alert.created', alert, changesOf(undefined, alert)),
      ),
    );
    if (made === 'no project') throw notFound();
    if (made === 'too many') throw tooManyAlerts({ detail: `A project has at most ${MOST_ALERTS} alerts.` });
    return { alert: made, secret: secretOf(project.secret, secretSalt) };
  }

  /** Changes an alert; what is left out stays as it is. Where it asks something else now, it counts as unchecked.
   *  @throws invalidInput where the whole would be no alert; alertNameTaken; notFound */
  async update(project: Project, id: string, wish: AlertWish, actor: Actor): Promise<Alert> {
    const privately = this.env.ALERT_PRIVATE_ADDRESSES;
    // Outside of the transaction, since it asks for goals. What somebody else changes meanwhile was checked by itself.
    if (wish.metric !== undefined || wish.filters !== undefined)
      await this.figures.check(project, mergeAlert(wish, await this.get(project.id, id), privately));
    const now = this.clock.now();
    const changed = this.repository.change(
      project.id,
      id,
      (alert) => {
        const definition: AlertDefinition = mergeAlert(wish, alert, privately);
        const same = asksTheSame(definition, alert);
        const { filters: _filters, ...rest } = alert;
        const fresh = same ? {} : { ...UNCHECKED, revision: alert.revision + 1 };
        return { ...rest, ...definition, ...fresh, updatedAt: Math.max(now, alert.updatedAt) };
      },
      (db, before, after) => this.#log(db, actor, 'alert.changed', after, changesOf(before, after)),
    );
    const alert = await named(wish.name ?? '', changed);
    if (alert === undefined) throw notFound();
    return alert;
  }

  /** @throws notFound where the project has no such alert */
  async delete(projectId: string, id: string, actor: Actor): Promise<void> {
    const gone = await this.repository.delete(projectId, id, (db, alert) =>
      this.#log(db, actor, 'alert.deleted', alert, changesOf(alert, undefined)),
    );
    if (!gone) throw notFound();
  }

  /** Gives an alert another secret; the old one signs nothing from now on. @throws notFound */
  async rotateSecret(project: Project, id: string, actor: Actor): Promise<WithSecret> {
    const now = this.clock.now();
    const secretSalt = newSalt();
    const alert = await this.repository.change(
      project.id,
      id,
      (before) => ({ ...before, secretSalt, updatedAt: Math.max(now, before.updatedAt) }),
      (db, _before, after) => this.#log(db, actor, 'alert.rotated', after, {}),
    );
    if (alert === undefined) throw notFound();
    return { alert, secret: secretOf(project.secret, secretSalt) };
  }

  /** Sends a message of the type `alert.test` once, whatever the alert's state, and says how it went. @throws notFound */
  async test(project: Project, alertId: string): Promise<Attempt & { id: string }> {
    const alert = await this.get(project.id, alertId);
    const id = newId();
    const { state, lastValue: value, url, secretSalt } = alert;
    const body = messageOf({ id, type: 'alert.test', at: this.clock.now(), project, alert, state, value });
    return { id, ...(await this.sender.send({ id, url, body, secret: secretOf(project.secret, secretSalt) })) };
  }

  #log(db: Db, actor: Actor, action: AlertAction, { id, projectId }: Alert, changes: Changes): Promise<void> {
    return this.audit.record(db, actor, { projectId, action, targetId: id, changes });
  }
}

type AlertAction = 'alert.created' | 'alert.changed' | 'alert.deleted' | 'alert.rotated';

/** What the audit log says of an alert. TRICKY: of its URL where it leads alone, as those of many services are secrets. */
const changesOf = (before: Alert | undefined, after: Alert | undefined): Changes =>
  changesBetween(before && shown(before), after && shown(after), [
    'name',
    'metric',
    'filters',
    'windowSeconds',
    'condition',
    'threshold',
    'enabled',
    'webhookOrigin',
  ]);
const shown = (alert: Alert) => ({ ...alert, webhookOrigin: new URL(alert.url).origin });

/** Says in the client's words that a name was taken. */
const named = async <T>(name: string, work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    if (!isUniqueViolation(error, ALERT_NAMES)) throw error;
    throw alertNameTaken({ detail: `The project already has an alert named "${name}".` });
  }
};
