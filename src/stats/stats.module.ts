// Statistics.
import { Module } from '@nestjs/common';
import { AggregationModule } from '../aggregation';
import { ChangesModule } from '../events/changes';
import { GoalsModule } from '../goals';
import { AnswerCache } from './cache/answer-cache';
import { DataVersions } from './cache/data-version';
import { SharedAnswers } from './cache/shared-answers';
import { Figures } from './figures';
import { JourneysController } from './journeys/journeys.controller';
import { JourneysRepository } from './journeys/journeys.repository';
import { JourneysService } from './journeys/journeys.service';
import { RetentionController } from './retention/retention.controller';
import { RetentionRepository } from './retention/retention.repository';
import { RetentionService } from './retention/retention.service';
import { RolledRepository } from './rolled/rolled.repository';
import { Spans } from './spans';
import { StatsController } from './stats.controller';
import { StatsRepository } from './stats.repository';
import { StatsService } from './stats.service';
import { Volumes } from './volumes';

@Module({
  imports: [AggregationModule, ChangesModule, GoalsModule],
  controllers: [JourneysController, RetentionController, StatsController],
  providers: [
    AnswerCache,
    DataVersions,
    Figures,
    JourneysRepository,
    JourneysService,
    RetentionRepository,
    RetentionService,
    RolledRepository,
    SharedAnswers,
    Spans,
    StatsRepository,
    StatsService,
    Volumes,
  ],
  exports: [Figures, Spans, Volumes],
})
export class StatsModule {}
