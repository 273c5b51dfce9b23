// How do projects begin, change and end?
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { type Actor, AuditLog, changesBetween } from '../audit';
import { KeyDirectory, KeysService, type ProjectKeyKind, type RequestKey } from '../auth';
import { Clock } from '../common/clock';
import { decodeCursor, toPage, type Page } from '../common/cursor';
import { isUuid, newId } from '../common/ids';
import { forbidden, invalidInput, notFound } from '../common/problem';
import { JobsService } from '../platform/queue/jobs.service';
import type { JobRecord } from '../platform/queue/jobs.types';
import { ProjectErasers } from './project-erasers';
import { defaultSettings } from './projects.schema';
import { ProjectsRepository, type ProjectChange } from './projects.repository';
import type { Project, ProjectSettings } from './projects.types';

const SECRET_BYTES = 32;
const DEFAULT_LIMIT = 50;
/** What the audit log says of a project. */
const SHOWN = ['name', 'timezone', 'domains', 'settings'] as const;
/** Kind of the job that erases a project. */
export const ERASE_PROJECT = 'project.erase';

/** Projects. */
@Injectable()
export class ProjectsService implements OnModuleInit {
  constructor(
    private readonly repository: ProjectsRepository,
    private readonly directory: KeyDirectory,
    private readonly keys: KeysService,
    private readonly jobs: JobsService,
    private readonly erasers: ProjectErasers,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.jobs.handle(ERASE_PROJECT, ({ projectId, progress }) => this.erase(projectId, progress), { patient: true });
  }

  /** Makes a project with one key of each kind; their texts are in the answer and nowhere else. */
  async create(
    wish: ProjectChange & { name: string },
    actor: Actor,
  ): Promise<{ project: Project; keys: Record<ProjectKeyKind, string> }> {
    const now = new Date(this.clock.now());
    const id = newId();
    const shown = {
      name: wish.name,
      timezone: wish.timezone ?? 'UTC',
      domains: [...(wish.domains ?? [])],
      settings: { ...defaultSettings, ...given(wish.settings) },
    };
    const { project, along } = await this.repository.insert(
      { id, ...shown, secret: randomBytes(SECRET_BYTES), createdAt: now, updatedAt: now },
      async (db) => {
        const changes = changesBetween(undefined, shown, SHOWN);
        await this.audit.record(db, actor, { projectId: id, action: 'project.created', targetId: id, changes });
        return this.keys.createFirst(id, db, actor);
      },
    );
    return { project, keys: along };
  }

  /** Projects that a key may see: root all of them, an owner's key its own.
   *  @throws forbidden for other keys */
  async list(
    key: RequestKey,
    own: Project | undefined,
    { limit = DEFAULT_LIMIT, cursor }: { limit?: number; cursor?: string },
  ): Promise<Page<Project>> {
    const after = cursor === undefined ? undefined : readCursor(cursor);
    if (key.kind !== 'root') {
      if (own === undefined) throw forbidden();
      return { data: after === undefined ? [own] : [], page: { next: null } };
    }
    const rows = await this.repository.list(limit + 1, after);
    return toPage(
      rows,
      limit,
      (project) => [project.createdAt, project.id],
      (project) => project,
    );
  }

  /** Changes a project; settings that are left out stay as they are.
   *  @throws notFound where it was deleted meanwhile */
  async update(id: string, change: ProjectChange, actor: Actor): Promise<Project> {
    const project = await this.repository.update(
      id,
      { ...given(change), settings: settingsOf(change) },
      this.clock.now(),
      async (db, before, after) => {
        const changes = {
          ...changesBetween<Project>(before, after, ['name', 'timezone', 'domains']),
          ...settingChanges(before, after),
        };
        await this.audit.record(db, actor, { projectId: id, action: 'project.updated', targetId: id, changes });
      },
    );
    if (project === undefined) throw notFound();
    await this.directory.changed(id);
    return project;
  }

  /** Hides a project at once, keys included, and starts the job that erases it.
   *  @throws notFound where it was deleted meanwhile */
  async delete(id: string, actor: Actor): Promise<JobRecord> {
    const job = await this.repository.hide(id, this.clock.now(), async (db) => {
      await this.audit.record(db, actor, { projectId: id, action: 'project.deleted', targetId: id });
      return this.jobs.keep(db, ERASE_PROJECT, id);
    });
    if (job === undefined) throw notFound();
    await this.directory.changed(id);
    await this.jobs.enqueueKept(job);
    return job;
  }

  /** Erases a hidden project everywhere; the row goes last, so that an attempt that fails can be made again. */
  private async erase(id: string, progress: (fraction: number) => Promise<void>): Promise<void> {
    const project = await this.repository.findHidden(id);
    if (project === undefined) return;
    const erasers = this.erasers.all();
    for (const [at, eraser] of erasers.entries()) {
      await eraser.erase(project);
      await progress((at + 1) / (erasers.length + 1));
    }
    await this.repository.remove(id, (db) => this.audit.forgetProject(db, id));
  }
}

/** Settings one by one, as `settings.retentionDays`. */
const settingChanges = ({ settings: before }: Project, { settings: after }: Project) =>
  Object.fromEntries(
    Object.entries(changesBetween(before, after, Object.keys(defaultSettings) as (keyof ProjectSettings)[])).map(
      ([field, change]) => [`settings.${field}`, change],
    ),
  );

/** Without the fields that were left out: class instances of DTOs have them as undefined. */
const given = <T extends object>(from: T | undefined): T =>
  Object.fromEntries(Object.entries(from ?? {}).filter(([, value]) => value !== undefined)) as T;

const settingsOf = ({ settings }: ProjectChange): ProjectChange['settings'] =>
  settings === undefined ? undefined : given(settings);

function readCursor(cursor: string): { createdAt: number; id: string } {
  const [createdAt, id] = decodeCursor(cursor, ['number', 'string'] as const);
  if (isUuid(id) && Number.isSafeInteger(createdAt) && Math.abs(createdAt) < 8.64e15) return { createdAt, id };
  throw invalidInput({
    errors: [{ path: 'cursor', code: 'invalid_cursor', message: 'must be a cursor that this list returned' }],
  });
}
