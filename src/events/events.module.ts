// Events, in and out.
import { Module } from '@nestjs/common';
import { IngestModule } from './ingest/ingest.module';
import { EventsReadModule } from './read/events-read.module';

@Module({ imports: [IngestModule, EventsReadModule], exports: [IngestModule] })
export class EventsModule {}
