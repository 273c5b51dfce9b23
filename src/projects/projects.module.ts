// Projects, their use, and the jobs that clients ask about.
import { Global, Module } from '@nestjs/common';
import { JobsController } from './jobs.controller';
import { ProjectErasers } from './project-erasers';
import { ProjectsController } from './projects.controller';
import { ProjectsRepository } from './projects.repository';
import { ProjectsService } from './projects.service';
import { UsageRecorder } from './usage';

/** Serves projects and jobs; other features register erasers and count use. */
@Global()
@Module({
  controllers: [ProjectsController, JobsController],
  providers: [ProjectErasers, ProjectsRepository, ProjectsService, UsageRecorder],
  exports: [ProjectErasers, ProjectsService, UsageRecorder],
})
export class ProjectsModule {}
