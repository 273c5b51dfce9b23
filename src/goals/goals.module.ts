// Goals.
import { Module } from '@nestjs/common';
import { GoalsRepository } from './goals.repository';
import { GoalsService } from './goals.service';

/** Serves goals, and looks them up for whoever asks questions. */
@Module({
  providers: [GoalsRepository, GoalsService],
  exports: [GoalsService],
})
export class GoalsModule {}
