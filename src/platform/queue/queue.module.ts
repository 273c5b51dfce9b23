// Makes queues and jobs available everywhere, their store prepared before anything is added.
import { Global, Module } from '@nestjs/common';
import { StoreUrls } from '../../config/env';
import { Postgres } from '../postgres/postgres';
import { queueBackend } from './backend';
import { JobsService } from './jobs.service';
import { Maintenance } from './maintenance';
import { QUEUE_BACKEND, Queues } from './queues';

/** Provides `Queues`, `JobsService` and `Maintenance`. */
@Global()
@Module({
  providers: [
    {
      provide: QUEUE_BACKEND,
      // Postgres is asked for so that the database is migrated, or refused, before queues are made in it.
      inject: [StoreUrls, Postgres],
      useFactory: (urls: StoreUrls) => queueBackend(urls),
    },
    Queues,
    Maintenance,
    JobsService,
    Maintenance,
  ],
  exports: [Queues, JobsService, Maintenance],
})
export class QueueModule {}
