// Alerts, and the webhooks that tell of them.
import { Module } from '@nestjs/common';
import { StatsModule } from '../stats';
import { AlertChecks } from './alert-checks';
import { AlertsController } from './alerts.controller';
import { AlertsProcessor } from './alerts.processor';
import { AlertsRepository } from './alerts.repository';
import { AlertsService } from './alerts.service';
import { ChecksRepository } from './checks.repository';
import { DeliveriesController } from './deliveries.controller';
import { DeliveriesRepository } from './deliveries.repository';
import { DeliveriesService } from './deliveries.service';
import { WebhookSender } from './webhook/sender';

@Module({
  imports: [StatsModule],
  controllers: [AlertsController, DeliveriesController],
  providers: [
    AlertChecks,
    AlertsProcessor,
    AlertsRepository,
    AlertsService,
    ChecksRepository,
    DeliveriesRepository,
    DeliveriesService,
    WebhookSender,
  ],
})
export class AlertsModule {}
