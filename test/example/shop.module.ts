// What does a team of its own add to Millrace? One Nest module: routes, and rules for events. Nothing in `src/` changes.
import { Module, type OnModuleInit } from '@nestjs/common';
import { EventsModule, IngestSteps } from '../../src/events';
import { maskOrderPaths } from './mask-order-paths';
import { OrdersController } from './orders.controller';

@Module({ imports: [EventsModule], controllers: [OrdersController] })
export class ShopModule implements OnModuleInit {
  constructor(private readonly steps: IngestSteps) {}

  onModuleInit(): void {
    this.steps.append(maskOrderPaths);
  }
}
