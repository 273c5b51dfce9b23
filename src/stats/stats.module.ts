// Statistics.
import { Module } from '@nestjs/common';
import { AggregationModule } from '../aggregation';
import { RolledRepository } from './rolled/rolled.repository';
import { StatsController } from './stats.controller';
import { StatsRepository } from './stats.repository';
import { StatsService } from './stats.service';

@Module({
  imports: [AggregationModule],
  controllers: [StatsController],
  providers: [RolledRepository, StatsService, StatsRepository],
})
export class StatsModule {}
