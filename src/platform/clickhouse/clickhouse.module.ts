// The warehouse's client, for every feature.
import { Global, Module } from '@nestjs/common';
import { ClickHouse } from './clickhouse';

@Global()
@Module({ providers: [ClickHouse], exports: [ClickHouse] })
export class ClickHouseModule {}
