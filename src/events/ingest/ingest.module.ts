// Taking events in: routes, the block writer, the spool and who empties it.
import { Module } from '@nestjs/common';
import { GeoModule } from '../../platform/geo/geo.module';
import { ChangesModule } from '../changes';
import { ErasureModule } from '../erasure/erasure.module';
import { BlockWriter } from './block-writer';
import { EventStore } from './event-store';
import { EventsEraser } from './events.eraser';
import { IngestController } from './ingest.controller';
import { IngestService } from './ingest.service';
import { IngestSteps } from './ingest-steps';
import { LinkStore } from './link-store';
import { Salts } from './salts';
import { Spool } from './spool';
import { StoredEvents } from './stored-events';
import { VisitorLinker } from './visitor-linker';
import { VisitorRows } from './visitor-rows';
import { IngestProcessor } from './ingest.processor';

@Module({
  imports: [GeoModule, ChangesModule, ErasureModule],
  controllers: [IngestController],
  providers: [
    BlockWriter,
    EventStore,
    EventsEraser,
    IngestService,
    IngestSteps,
    LinkStore,
    Salts,
    Spool,
    StoredEvents,
    IngestProcessor,
    VisitorLinker,
    VisitorRows,
  ],
  exports: [IngestSteps, StoredEvents, VisitorLinker, VisitorRows],
})
export class IngestModule {}
