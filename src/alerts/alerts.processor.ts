// When are alerts checked and webhooks sent? Regular work of the workers, each piece once across all of them.
import { Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { MINUTE_MS } from '../common/time-range';
import { Maintenance } from '../platform/queue/maintenance';
import { Queues } from '../platform/queue/queues';
import { AlertChecks } from './alert-checks';
import { DeliveriesService, EXPIRE_EVERY_MS, HAND_OVER_EVERY_MS } from './deliveries.service';

/** Receivers that are slow take ten seconds each. */
const AT_ONCE = 8;

@Injectable()
export class AlertsProcessor implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    private readonly maintenance: Maintenance,
    private readonly queues: Queues,
    private readonly checks: AlertChecks,
    private readonly deliveries: DeliveriesService,
  ) {}

  onModuleInit(): void {
    this.maintenance.every(MINUTE_MS, 'alerts.check', () => this.checks.look());
    this.maintenance.every(HAND_OVER_EVERY_MS, 'webhooks.due', () => this.deliveries.handOverDue());
    this.maintenance.every(EXPIRE_EVERY_MS, 'webhooks.expire', () => this.deliveries.expire());
  }

  onApplicationBootstrap(): void {
    this.queues.process('webhooks', ({ data }) => this.deliveries.deliver((data as { id: string }).id), {
      concurrency: AT_ONCE,
    });
  }
}
