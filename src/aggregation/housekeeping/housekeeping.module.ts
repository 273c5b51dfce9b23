// Who keeps the warehouse in order? Chores of the workers, and an eye on the disk.
import { Module } from '@nestjs/common';
import { EventsModule } from '../../events';
import { AggregationOptions } from '../aggregation.options';
import { Copier } from '../copies/copier';
import { CopiesRepository } from '../copies/copies.repository';
import { CopyStore } from '../copies/copy-store';
import { MonthAdder } from '../months/month-adder';
import { MonthsRepository } from '../months/months.repository';
import { RollingCounter } from '../rolling/rolling-counter';
import { RollingRepository } from '../rolling/rolling.repository';
import { ChoreNotes } from './chore-notes';
import { ClosedMonths } from './closed-months';
import { DerivedPartitions } from './derived-partitions';
import { ExpiredEvents } from './expired-events';
import { Housekeeping } from './housekeeping.processor';
import { RollupLitter } from './rollup-litter';
import { WarehouseWatch } from './warehouse-watch';

/** Copies what samples read, counts visitors of days in other zones, adds up months, merges what is closed, deletes what is expired or litter, watches the disk. */
@Module({
  imports: [EventsModule],
  providers: [
    AggregationOptions,
    ChoreNotes,
    ClosedMonths,
    Copier,
    CopiesRepository,
    CopyStore,
    DerivedPartitions,
    ExpiredEvents,
    Housekeeping,
    MonthAdder,
    MonthsRepository,
    RollingCounter,
    RollingRepository,
    RollupLitter,
    WarehouseWatch,
  ],
  exports: [AggregationOptions, CopyStore, MonthAdder, RollingCounter],
})
export class AggregationHousekeepingModule {}
