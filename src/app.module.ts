// Which features make up the server? The only file that knows them all.
import { Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { AggregationModule } from './aggregation';
import { AlertsModule } from './alerts';
import { AuditModule } from './audit';
import { AuthModule } from './auth/auth.module';
import { LocalAccess } from './auth/local-access';
import { Clock } from './common/clock';
import { ConfigModule } from './config/config.module';
import type { Env, StoreUrls } from './config/env';
import { EventsModule } from './events';
import { FunnelsModule } from './funnels';
import { GoalsModule } from './goals';
import { HealthModule } from './health';
import { ClickHouseModule } from './platform/clickhouse/clickhouse.module';
import { Lifecycle } from './platform/http/lifecycle';
import { MetricsModule } from './platform/metrics/metrics.module';
import { PostgresModule } from './platform/postgres/postgres.module';
import { QueueModule } from './platform/queue/queue.module';
import { ProjectsModule } from './projects/projects.module';
import { RealtimeModule } from './realtime';
import { StatsModule } from './stats';
import { VisitorsModule } from './visitors';

/** What the application is made of, besides its code. */
export interface AppParts {
  readonly env: Env;
  readonly urls: StoreUrls;
  /** Token of this run for commands on the same machine. */
  readonly local: LocalAccess;
  /** Modules of an enterprise team's own. */
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
}

@Module({})
export class AppModule {
  static forRoot({ env, urls, local, imports = [] }: AppParts): DynamicModule {
    return {
      module: AppModule,
      global: true,
      imports: [
        ConfigModule.forRoot(env, urls),
        MetricsModule,
        PostgresModule,
        ClickHouseModule,
        QueueModule,
        AuditModule,
        AuthModule,
        ProjectsModule,
        EventsModule,
        AggregationModule,
        GoalsModule,
        FunnelsModule,
        StatsModule,
        AlertsModule,
        VisitorsModule,
        RealtimeModule,
        HealthModule,
        ...imports,
      ],
      providers: [Clock, Lifecycle, { provide: LocalAccess, useValue: local }],
      exports: [Clock, Lifecycle, LocalAccess],
    };
  }
}
