// Visitors and their sessions.
import { Module } from '@nestjs/common';
import { EventsModule } from '../events';
import { GoalsModule } from '../goals';
import { StatsModule } from '../stats';
import { DirectoryRepository } from './directory/directory.repository';
import { DirectoryService } from './directory/directory.service';
import { ErasedPeopleRepository } from './erasure/erased-people.repository';
import { ErasureController } from './erasure/erasure.controller';
import { ErasureService } from './erasure/erasure.service';
import { ErasuresRepository } from './erasure/erasures.repository';
import { ExportService } from './erasure/export.service';
import { ClaimKeeper } from './erasure/claim-keeper';
import { ErasurePurger } from './erasure/purger';
import { PurgesRepository } from './erasure/purges.repository';
import { ErasureSweeper } from './erasure/sweeper';
import { PeopleRepository } from './people.repository';
import { ProfileRepository } from './profile/profile.repository';
import { ProfileService } from './profile/profile.service';
import { Selections } from './selection';
import { SessionsController } from './sessions/sessions.controller';
import { SessionsRepository } from './sessions/sessions.repository';
import { SessionsService } from './sessions/sessions.service';
import { IdentifyService } from './traits/identify.service';
import { TraitsRepository } from './traits/traits.repository';
import { VisitorsController } from './visitors.controller';

@Module({
  imports: [EventsModule, GoalsModule, StatsModule],
  controllers: [VisitorsController, ErasureController, SessionsController],
  providers: [
    DirectoryRepository,
    DirectoryService,
    ErasedPeopleRepository,
    ErasureService,
    ErasureSweeper,
    ErasurePurger,
    PurgesRepository,
    ClaimKeeper,
    ErasuresRepository,
    ExportService,
    IdentifyService,
    PeopleRepository,
    ProfileRepository,
    ProfileService,
    Selections,
    SessionsRepository,
    SessionsService,
    TraitsRepository,
  ],
})
export class VisitorsModule {}
