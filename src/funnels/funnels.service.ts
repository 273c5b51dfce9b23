// How do saved funnels come, change and go?
import { Injectable } from '@nestjs/common';
import { type Actor, AuditLog, changesBetween } from '../audit';
import { Clock } from '../common/clock';
import { decodeCursor, type Page, toPage } from '../common/cursor';
import { isUuid, newId } from '../common/ids';
import { notFound } from '../common/problem';
import { GoalsService } from '../goals';
import { definitionOf, type DefinitionWish } from './funnel.definition';
import { shapeOf, withGoalIds } from './funnel.question';
import { MAX_REVISION } from './funnel-stats.dto';
import { badField } from './funnels.errors';
import { type FunnelContent, FunnelsRepository } from './funnels.repository';
import type { FunnelRevision, SavedFunnel } from './saved-funnel.types';

/** Funnels that a project may have. */
export const MAX_FUNNELS = 500;
const DEFAULT_LIMIT = 50;
/** What the audit log says of a funnel. */
const SHOWN = ['name', 'revision', 'definition'] as const;

/** Which part of a list. */
interface ListWish {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** Saved funnels. */
@Injectable()
export class FunnelsService {
  constructor(
    private readonly repository: FunnelsRepository,
    private readonly goals: GoalsService,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** Makes a funnel. @throws invalidInput, funnelNameTaken, tooManyFunnels */
  async create(projectId: string, wish: DefinitionWish & { name: string }, actor: Actor): Promise<SavedFunnel> {
    const goals = await this.goals.all(projectId);
    const definition = definitionOf(wish);
    // What can't be asked is not kept.
    shapeOf(definition, goals);
    const content = { name: wish.name, definition: withGoalIds(definition, goals) };
    return this.repository.insert(projectId, newId(), content, MAX_FUNNELS, this.clock.now(), (db, made) =>
      this.audit.record(db, actor, {
        projectId,
        action: 'funnel.created',
        targetId: made.id,
        changes: changesBetween(undefined, made, SHOWN),
      }),
    );
  }

  /** Changes a funnel: a new revision where it looks for something else afterwards.
   *  @throws invalidInput, notFound, funnelNameTaken */
  async update(
    projectId: string,
    id: string,
    wish: DefinitionWish & { name?: string },
    actor: Actor,
  ): Promise<SavedFunnel> {
    const goals = await this.goals.all(projectId);
    const change = ({ name, definition: before }: SavedFunnel): FunnelContent => {
      const { name: newName = name, ...parts } = wish;
      // TRICKY: a new name must not be refused since a goal of the funnel is gone.
      if (Object.values(parts).every((part) => part === undefined)) return { name: newName, definition: before };
      const definition = definitionOf(parts, before);
      shapeOf(definition, goals);
      return { name: newName, definition: withGoalIds(definition, goals) };
    };
    return there(
      await this.repository.update(projectId, id, change, this.clock.now(), (db, before, after) =>
        this.audit.record(db, actor, {
          projectId,
          action: 'funnel.changed',
          targetId: id,
          changes: changesBetween(before, after, SHOWN),
        }),
      ),
    );
  }

  /** A funnel, as it is or as a revision has it. @throws notFound */
  async get(projectId: string, id: string, revision?: number): Promise<SavedFunnel> {
    return there(await this.repository.find(projectId, id, revision));
  }

  /** A project's funnels, oldest first. @throws invalidInput for a cursor of another list */
  async list(projectId: string, { limit = DEFAULT_LIMIT, cursor }: ListWish): Promise<Page<SavedFunnel>> {
    const rows = await this.repository.list(
      projectId,
      limit + 1,
      cursor === undefined ? undefined : readCursor(cursor),
    );
    return toPage(
      rows,
      limit,
      ({ createdAt, id }) => [createdAt, id],
      (row) => row,
    );
  }

  /** Revisions of a funnel, oldest first. @throws notFound, invalidInput for a cursor of another list */
  async revisions(projectId: string, id: string, wish: ListWish): Promise<Page<FunnelRevision>> {
    const { limit = DEFAULT_LIMIT, cursor } = wish;
    const [after] = cursor === undefined ? [0] : decodeCursor(cursor, ['number'] as const);
    if (!Number.isInteger(after) || after < 0 || after > MAX_REVISION) throw invalidCursor();
    const rows = there(await this.repository.revisions(projectId, id, limit + 1, after));
    return toPage(
      rows,
      limit,
      ({ revision }) => [revision],
      (row) => row,
    );
  }

  /** Removes a funnel with its revisions. @throws notFound */
  async remove(projectId: string, id: string, actor: Actor): Promise<void> {
    const gone = await this.repository.remove(projectId, id, (db, name) =>
      this.audit.record(db, actor, {
        projectId,
        action: 'funnel.deleted',
        targetId: id,
        changes: { name: { before: name } },
      }),
    );
    if (!gone) throw notFound();
  }
}

const there = <T>(found: T | undefined): T => {
  if (found === undefined) throw notFound();
  return found;
};

const invalidCursor = () => badField('cursor', 'invalid_cursor', 'must be a cursor that this list returned');

const readCursor = (cursor: string): { createdAt: number; id: string } => {
  const [createdAt, id] = decodeCursor(cursor, ['number', 'string'] as const);
  if (isUuid(id) && Number.isSafeInteger(createdAt) && Math.abs(createdAt) < 8.64e15) return { createdAt, id };
  throw invalidCursor();
};
