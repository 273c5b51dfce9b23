// What other features may use of projects.
export { AcceptedJobDto, JobDto, toJobDto } from './jobs.dto';
export { ProjectErasers, type ProjectEraser } from './project-erasers';
export { ProjectsModule } from './projects.module';
export type { Project, ProjectSettings } from './projects.types';
export { retainedFrom, shownFrom } from './retention';
export { UsageRecorder, type Used } from './usage';
