// Makes Postgres available everywhere, migrated before anything asks it a question.
import { Global, Module } from '@nestjs/common';
import { StoreUrls } from '../../config/env';
import { migratePostgres } from './migrate';
import { Postgres } from './postgres';

/** Provides `Postgres`. Starting it applies the migrations. */
@Global()
@Module({
  providers: [
    {
      provide: Postgres,
      inject: [StoreUrls],
      useFactory: async (urls: StoreUrls): Promise<Postgres> => {
        await migratePostgres(urls.postgres);
        return new Postgres(urls.postgres);
      },
    },
  ],
  exports: [Postgres],
})
export class PostgresModule {}
