// Events, in and out.
import { Module } from '@nestjs/common';
import { ChangesModule } from './changes';
import { ErasureModule } from './erasure/erasure.module';
import { IngestModule } from './ingest/ingest.module';
import { EventsReadModule } from './read/events-read.module';

@Module({
  imports: [ChangesModule, ErasureModule, IngestModule, EventsReadModule],
  exports: [ChangesModule, ErasureModule, IngestModule, EventsReadModule],
})
export class EventsModule {}
