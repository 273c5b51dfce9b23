// Saying what changed of events: for ingestion, which says it all the time, and for everybody who changes them otherwise.
import { Module } from '@nestjs/common';
import { BootSweep } from './boot-sweep';
import { ChangeLog } from './change-log';
import { ChangeTimes } from './change-times';
import { ChangesRepository } from './changes.repository';
import { ClosingViews } from './closing-views';
import { DebtBook } from './debt-book';
import { LinkSpreader } from './link-spreader';
import { MarkStale } from './mark-stale';
import { Marks } from './marks';
import { PendingCounter } from './pending-counter';

@Module({
  providers: [
    BootSweep,
    ChangeLog,
    ChangeTimes,
    ChangesRepository,
    ClosingViews,
    DebtBook,
    LinkSpreader,
    MarkStale,
    Marks,
    PendingCounter,
  ],
  exports: [ChangeLog, ChangeTimes, ChangesRepository, MarkStale],
})
export class ChangesModule {}
