// Who keeps the warehouse in order? Chores of the workers, and an eye on the disk.
import { Module } from '@nestjs/common';
import { EventsModule } from '../../events';
import { ChoreNotes } from './chore-notes';
import { ClosedMonths } from './closed-months';
import { ExpiredEvents } from './expired-events';
import { Housekeeping } from './housekeeping.processor';
import { RollupLitter } from './rollup-litter';
import { WarehouseWatch } from './warehouse-watch';

/** Merges what is closed, deletes what is expired or litter, watches the disk. */
@Module({
  imports: [EventsModule],
  providers: [ChoreNotes, ClosedMonths, ExpiredEvents, Housekeeping, RollupLitter, WarehouseWatch],
})
export class AggregationHousekeepingModule {}
