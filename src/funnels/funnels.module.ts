// Funnels.
import { Module } from '@nestjs/common';
import { GoalsModule } from '../goals';
import { StatsModule } from '../stats';
import { FunnelAnswers } from './answer/funnel-answers.repository';
import { FunnelStatsController } from './funnel-stats.controller';
import { FunnelStatsService } from './funnel-stats.service';
import { FunnelsController } from './funnels.controller';
import { FunnelsRepository } from './funnels.repository';
import { FunnelsService } from './funnels.service';

@Module({
  imports: [GoalsModule, StatsModule],
  controllers: [FunnelStatsController, FunnelsController],
  providers: [FunnelAnswers, FunnelStatsService, FunnelsRepository, FunnelsService],
})
export class FunnelsModule {}
