// Who holds data of a project, and how is it erased? Each store's feature says so here.
import { Injectable } from '@nestjs/common';
import type { Project } from './projects.types';

/** Erases all that one store holds of a project. It can be called again after it failed half-way. */
export interface ProjectEraser {
  erase(project: Project): Promise<void>;
}

/** The erasers of all features; every process registers the same ones, as any worker may do the job. */
@Injectable()
export class ProjectErasers {
  private readonly erasers: ProjectEraser[] = [];

  /** Registers one, when its module starts. */
  add(eraser: ProjectEraser): void {
    this.erasers.push(eraser);
  }

  /** All of them, in the order in which they were added. */
  all(): readonly ProjectEraser[] {
    return this.erasers;
  }
}
