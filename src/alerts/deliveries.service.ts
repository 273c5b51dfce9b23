// How does news reach its receiver, however often that is away? Tried over about a day, then put aside for somebody to look at.
import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../common/clock';
import { decodeCursor, toPage, type Page } from '../common/cursor';
import { isUuid } from '../common/ids';
import { invalidInput, notFound } from '../common/problem';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../common/time-range';
import { Metrics } from '../platform/metrics/metrics';
import { Queues } from '../platform/queue/queues';
import { deliveryPending } from './alerts.errors';
import type { Delivery } from './alerts.types';
import { DeliveriesRepository, type DeliveryFilter } from './deliveries.repository';
import { WebhookSender } from './webhook/sender';
import { secretOf } from './webhook/signature';

/** How long after each failed try the next one is made: eight tries in 23 hours and 21 minutes. */
export const WAITS_MS: readonly number[] = [1, 5, 15, 60, 120, 360, 840].map((minutes) => minutes * MINUTE_MS);
/** A try takes ten seconds at most; after this its worker is gone. */
const LOST_AFTER_MS = MINUTE_MS;
const MOST_AT_ONCE = 1_000;
const KEPT_MS = 30 * DAY_MS;
const DEFAULT_LIMIT = 50;

/** How often what is due is handed to the workers. */
export const HAND_OVER_EVERY_MS = 15 * SECOND_MS;
export const EXPIRE_EVERY_MS = HOUR_MS;

@Injectable()
export class DeliveriesService {
  readonly #logger = new Logger(DeliveriesService.name);

  constructor(
    private readonly repository: DeliveriesRepository,
    private readonly sender: WebhookSender,
    private readonly queues: Queues,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  /** Hands a new delivery to the workers. Where the queue is away `handOverDue` does it later. */
  async handOver(id: string, attempts = 0): Promise<void> {
    await this.#enqueue(id, attempts).catch(() => this.#logger.warn('a webhook waits for its queue'));
  }

  /** Hands over all that is due. What waits in the queue already is not added twice. @throws storeUnavailable */
  async handOverDue(): Promise<void> {
    const due = await this.repository.due(this.clock.now(), MOST_AT_ONCE);
    for (const { id, attempts } of due) await this.#enqueue(id, attempts);
  }

  /** Makes one try, where one is due that no other worker makes. @throws storeUnavailable */
  async deliver(id: string): Promise<void> {
    const began = this.clock.now();
    const claimed = await this.repository.claim(id, began, began + LOST_AFTER_MS);
    if (claimed === undefined) return;
    const { delivery, url, projectSecret, secretSalt } = claimed;
    const secret = secretOf(projectSecret, secretSalt);
    const attempt = await this.sender.send({ id, url, body: delivery.body, secret });
    const now = this.clock.now();
    const wait = WAITS_MS[delivery.attempts - 1];
    const state = attempt.delivered ? 'delivered' : wait === undefined ? 'dead' : 'pending';
    await this.repository.finish(delivery, attempt, { state, nextAttemptAt: now + (wait ?? 0), now });
    this.metrics.webhookDeliveries.inc({ outcome: state === 'pending' ? 'failed' : state });
  }

  /** A page of a project's deliveries, newest first. */
  async list(
    projectId: string,
    { limit = DEFAULT_LIMIT, cursor, ...filter }: DeliveryFilter & { limit?: number; cursor?: string },
  ): Promise<Page<Delivery>> {
    const after = cursor === undefined ? undefined : readCursor(cursor);
    const found = await this.repository.list(projectId, filter, limit + 1, after);
    return toPage(
      found,
      limit,
      ({ createdAt, id }) => [createdAt, id],
      (delivery) => delivery,
    );
  }

  /** Begins again with a delivery that is dead or was delivered.
   *  @throws notFound; deliveryPending */
  async replay(projectId: string, id: string): Promise<Delivery> {
    const delivery = await this.repository.replay(projectId, id, this.clock.now());
    if (delivery === undefined) throw notFound();
    if (delivery === 'pending') throw deliveryPending();
    await this.handOver(id);
    return delivery;
  }

  /** Forgets deliveries that have been over for long. */
  async expire(): Promise<number> {
    return this.repository.expire(this.clock.now() - KEPT_MS);
  }

  /** The table says what is due; an entry of the queue only wakes a worker, so none of them is kept. */
  async #enqueue(id: string, attempts: number): Promise<void> {
    const options = { jobId: `${id}-${attempts}`, attempts: 1, removeOnComplete: true, removeOnFail: true };
    await this.queues.add('webhooks', 'webhook.deliver', { id }, options);
  }
}

/** Reads a cursor of a list in the order of creation. @throws invalidInput */
export function readCursor(cursor: string): { createdAt: number; id: string } {
  const [createdAt, id] = decodeCursor(cursor, ['number', 'string'] as const);
  if (isUuid(id) && Number.isSafeInteger(createdAt) && Math.abs(createdAt) < 8.64e15) return { createdAt, id };
  throw invalidInput({
    errors: [{ path: 'cursor', code: 'invalid_cursor', message: 'must be a cursor that this list returned' }],
  });
}
