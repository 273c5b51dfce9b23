// Reading events: the routes under /events that answer.
import { Module } from '@nestjs/common';
import { EventsReadController } from './events-read.controller';
import { EventsReadRepository } from './events-read.repository';
import { EventsReadService } from './events-read.service';

@Module({
  controllers: [EventsReadController],
  providers: [EventsReadService, EventsReadRepository],
  exports: [EventsReadRepository],
})
export class EventsReadModule {}
