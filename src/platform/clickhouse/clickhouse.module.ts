// The warehouse's client, for every feature; made once its schema is the one that this code expects.
import { Global, Module } from '@nestjs/common';
import { Env, StoreUrls } from '../../config/env';
import { Metrics } from '../metrics/metrics';
import { withBootLock } from '../postgres/boot-lock';
import { ClickHouse } from './clickhouse';
import { migrateClickHouse } from './migrate';

@Global()
@Module({
  providers: [
    {
      provide: ClickHouse,
      inject: [Env, StoreUrls, Metrics],
      useFactory: async (env: Env, urls: StoreUrls, metrics: Metrics): Promise<ClickHouse> => {
        await withBootLock(urls.postgres, () => migrateClickHouse(urls.clickhouse, env.CLICKHOUSE_CLUSTER));
        return new ClickHouse(env, urls, metrics);
      },
    },
  ],
  exports: [ClickHouse],
})
export class ClickHouseModule {}
