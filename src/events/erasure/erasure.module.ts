// Who was erased, and who has to erase: for ingestion, and for every feature that holds something of a visitor.
import { Module } from '@nestjs/common';
import { ErasedVisitors } from './erased-visitors';
import { ErasureTimes } from './erasure-times';
import { VisitorErasers } from './visitor-erasers';

@Module({
  providers: [ErasedVisitors, ErasureTimes, VisitorErasers],
  exports: [ErasedVisitors, ErasureTimes, VisitorErasers],
})
export class ErasureModule {}
