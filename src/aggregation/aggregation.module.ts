// Figures that are derived ahead of the questions, kept right by workers.
import { Module } from '@nestjs/common';
import { EventsModule } from '../events';
import { AggregationController } from './aggregation.controller';
import { AggregationProcessor } from './aggregation.processor';
import { AggregationRepository } from './aggregation.repository';
import { AggregationService } from './aggregation.service';
import { BackfillService } from './backfill/backfill.service';
import { CellStore } from './cell-store';
import { CellsRepository } from './cells.repository';
import { AggregationHousekeepingModule } from './housekeeping/housekeeping.module';
import { Refresher } from './refresher';
import { RollupStore } from './rollup-store';
import { RollupsEraser } from './rollups.eraser';
import { RollupSnapshots } from './snapshots';
import { VisitorRollupsEraser } from './visitor-rollups.eraser';
import { RollupChecker } from './verify/checker';
import { VerifyService } from './verify/verify.service';

/** Derives, derives again what changed, checks itself; tells readers what is derived. */
@Module({
  imports: [EventsModule, AggregationHousekeepingModule],
  controllers: [AggregationController],
  providers: [
    AggregationProcessor,
    AggregationRepository,
    AggregationService,
    BackfillService,
    { provide: CellStore, useClass: RollupStore },
    CellsRepository,
    Refresher,
    RollupChecker,
    RollupSnapshots,
    RollupsEraser,
    VerifyService,
    VisitorRollupsEraser,
  ],
  exports: [RollupSnapshots],
})
export class AggregationModule {}
