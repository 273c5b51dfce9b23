// The live view: who is there now, and each event as it comes.
import { Module } from '@nestjs/common';
import { StoreUrls } from '../config/env';
import { EventsModule } from '../events';
import { GoalsModule } from '../goals';
import { Postgres } from '../platform/postgres/postgres';
import { InterestsRepository } from './bus/interests.repository';
import { LivePublisher } from './bus/live-publisher';
import { PostgresTransport } from './bus/postgres-transport';
import { RedisTransport } from './bus/redis-transport';
import { ThisProcess } from './bus/this-process';
import { LIVE_TRANSPORT, type LiveTransport } from './bus/transport';
import { LiveEraser } from './live.eraser';
import { RealtimeController } from './realtime.controller';
import { RealtimeOptions } from './realtime.options';
import { SnapshotRepository } from './snapshot/snapshot.repository';
import { SnapshotService } from './snapshot/snapshot.service';
import { LiveChannels } from './stream/live-channels';
import { StreamPlaces } from './stream/stream-places';
import { StreamsService } from './stream/streams.service';
import { StreamKeysRepository } from './tickets/stream-keys.repository';
import { TicketsService } from './tickets/tickets.service';

@Module({
  imports: [EventsModule, GoalsModule],
  controllers: [RealtimeController],
  providers: [
    {
      provide: LIVE_TRANSPORT,
      inject: [StoreUrls, Postgres],
      useFactory: (urls: StoreUrls, postgres: Postgres): LiveTransport =>
        urls.redis === undefined
          ? new PostgresTransport(urls.postgres, postgres)
          : new RedisTransport(urls.redis, urls),
    },
    InterestsRepository,
    LiveChannels,
    LiveEraser,
    LivePublisher,
    RealtimeOptions,
    SnapshotRepository,
    SnapshotService,
    StreamKeysRepository,
    StreamPlaces,
    StreamsService,
    ThisProcess,
    TicketsService,
  ],
})
export class RealtimeModule {}
