// What are a project's goals, and how do they come and go?
import { Injectable } from '@nestjs/common';
import { type Actor, AuditLog, changesBetween } from '../audit';
import { Clock } from '../common/clock';
import { decodeCursor, toPage, type Page } from '../common/cursor';
import { isUuid, newId } from '../common/ids';
import { invalidInput, notFound } from '../common/problem';
import { isUniqueViolation } from '../platform/postgres/errors';
import type { Db } from '../platform/postgres/postgres';
import { toTarget } from './goal-target';
import { type GoalWish, mergeGoal } from './goal.rules';
import { goalNameTaken, tooManyGoals } from './goals.errors';
import { GoalsRepository } from './goals.repository';
import { GOAL_NAMES } from './goals.schema';
import type { Goal, GoalTarget } from './goals.types';

const DEFAULT_LIMIT = 50;
/** What the audit log says of a goal. */
const SHOWN = ['name', 'event', 'page', 'filters', 'value'] as const;
/** A question may ask for all goals of a project at once. */
const MOST_GOALS = 200;

/** Goals of projects. */
@Injectable()
export class GoalsService {
  constructor(
    private readonly repository: GoalsRepository,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** All goals of a project, oldest first, as questions work with them. Read anew each time: a goal that was changed through
   *  another server is changed here too. */
  async all(projectId: string): Promise<GoalTarget[]> {
    return (await this.repository.list(projectId)).map(toTarget);
  }

  /** A page of a project's goals, oldest first. */
  async list(
    projectId: string,
    { limit = DEFAULT_LIMIT, cursor }: { limit?: number; cursor?: string },
  ): Promise<Page<Goal>> {
    const after = cursor === undefined ? undefined : readCursor(cursor);
    const goals = await this.repository.list(projectId, limit + 1, after);
    return toPage(
      goals,
      limit,
      ({ createdAt, id }) => [createdAt, id],
      (goal) => goal,
    );
  }

  /** @throws notFound where the project has no such goal */
  async get(projectId: string, id: string): Promise<Goal> {
    const goal = await this.repository.find(projectId, id);
    if (goal === undefined) throw notFound();
    return goal;
  }

  /** Makes a goal.
   *  @throws invalidInput; goalNameTaken; tooManyGoals; notFound where the project was erased meanwhile */
  async create(projectId: string, wish: GoalWish, actor: Actor): Promise<Goal> {
    const definition = mergeGoal(wish);
    const made = await named(
      definition.name,
      this.repository.insert(
        projectId,
        MOST_GOALS,
        (after) => {
          const now = Math.max(this.clock.now(), after + 1);
          return { ...definition, id: newId(), createdAt: now, updatedAt: now };
        },
        (db, goal) => this.log(db, actor, projectId, 'goal.created', undefined, goal),
      ),
    );
    if (made === 'no project') throw notFound();
    if (made === 'too many') throw tooManyGoals({ detail: `A project has at most ${MOST_GOALS} goals.` });
    return made;
  }

  /** Changes a goal; what is left out stays as it is.
   *  @throws invalidInput where the whole would be no goal; goalNameTaken; notFound */
  async update(projectId: string, id: string, wish: GoalWish, actor: Actor): Promise<Goal> {
    const now = this.clock.now();
    const changed = this.repository.change(
      projectId,
      id,
      (goal) => ({
        ...mergeGoal(wish, goal),
        id,
        createdAt: goal.createdAt,
        updatedAt: Math.max(now, goal.updatedAt),
      }),
      (db, before, after) => this.log(db, actor, projectId, 'goal.changed', before, after),
    );
    const goal = await named(wish.name ?? '', changed);
    if (goal === undefined) throw notFound();
    return goal;
  }

  /** @throws notFound where the project has no such goal */
  async delete(projectId: string, id: string, actor: Actor): Promise<void> {
    const gone = await this.repository.delete(projectId, id, (db, goal) =>
      this.log(db, actor, projectId, 'goal.deleted', goal, undefined),
    );
    if (!gone) throw notFound();
  }

  private log(
    db: Db,
    actor: Actor,
    projectId: string,
    action: 'goal.created' | 'goal.changed' | 'goal.deleted',
    before: Goal | undefined,
    after: Goal | undefined,
  ): Promise<void> {
    const targetId = (after ?? before)?.id ?? '';
    return this.audit.record(db, actor, { projectId, action, targetId, changes: changesBetween(before, after, SHOWN) });
  }
}

/** Says in the client's words that a name was taken. */
const named = async <T>(name: string, work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    if (!isUniqueViolation(error, GOAL_NAMES)) throw error;
    throw goalNameTaken({ detail: `The project already has a goal named "${name}".` });
  }
};

function readCursor(cursor: string): { createdAt: number; id: string } {
  const [createdAt, id] = decodeCursor(cursor, ['number', 'string'] as const);
  if (isUuid(id) && Number.isSafeInteger(createdAt) && Math.abs(createdAt) < 8.64e15) return { createdAt, id };
  throw invalidInput({
    errors: [{ path: 'cursor', code: 'invalid_cursor', message: 'must be a cursor that this list returned' }],
  });
}
