// Events, in and out.
import { Module } from '@nestjs/common';
import { ChangesModule } from './changes';
import { IngestModule } from './ingest/ingest.module';
import { EventsReadModule } from './read/events-read.module';

@Module({
  imports: [ChangesModule, IngestModule, EventsReadModule],
  exports: [ChangesModule, IngestModule, EventsReadModule],
})
export class EventsModule {}
