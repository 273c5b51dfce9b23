// Who did what? For owners, who see their project, and for root, who sees all.
import { Injectable } from '@nestjs/common';
import { decodeCursor, type Page, toPage } from '../common/cursor';
import { isUuid } from '../common/ids';
import { invalidInput } from '../common/problem';
import { resolveRange } from '../common/period';
import { Clock } from '../common/clock';
import { erasureMark } from '../events/erasure/erasure-mark';
import type { Project } from '../projects/projects.types';
import type { AuditAction } from './audit.actions';
import { AuditRepository, type AuditRow } from './audit.repository';

const DEFAULT_LIMIT = 50;
const HASH = /^[0-9a-f]{16}$/;

/** What is asked for. */
export interface AuditWish {
  readonly action?: string | undefined;
  readonly targetType?: string | undefined;
  readonly targetId?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

@Injectable()
export class AuditService {
  constructor(
    private readonly repository: AuditRepository,
    private readonly clock: Clock,
  ) {}

  /** A page of entries, newest first. @param project undefined: of all. @throws invalidInput, storeUnavailable */
  async list(project: Project | undefined, wish: AuditWish): Promise<Page<AuditRow>> {
    const { limit = DEFAULT_LIMIT, cursor, action, targetType } = wish;
    const read = {
      projectId: project?.id,
      action: action as AuditAction | undefined,
      targetType,
      targetId: targetOf(project, wish),
      ...this.#range(project, wish),
    };
    const rows = await this.repository.list(read, limit + 1, cursor === undefined ? undefined : readCursor(cursor));
    return toPage(
      rows,
      limit,
      ({ at, id }) => [at.getTime(), id],
      (row) => row,
    );
  }

  #range(project: Project | undefined, { from, to }: AuditWish): { from?: number; to?: number } {
    if (from === undefined && to === undefined) return {};
    const now = this.clock.now();
    const range = resolveRange(
      { from: from ?? '1970-01-01T00:00:00.000Z', to: to ?? new Date(now + 1).toISOString() },
      { timezone: project?.timezone ?? 'UTC', now },
    );
    return { from: range.from, to: range.to };
  }
}

/** TRICKY: of visitors the log holds marks, which outlive them; whoever knows the hash finds them by it. */
const targetOf = (project: Project | undefined, { targetId, targetType }: AuditWish): string | undefined =>
  targetId !== undefined && project !== undefined && HASH.test(targetId) && (targetType ?? 'visitor') === 'visitor'
    ? erasureMark(project.number, BigInt(`0x${targetId}`).toString())
    : targetId;

function readCursor(cursor: string): { at: number; id: string } {
  const [at, id] = decodeCursor(cursor, ['number', 'string'] as const);
  if (isUuid(id) && Number.isSafeInteger(at) && Math.abs(at) < 8.64e15) return { at, id };
  throw invalidInput({
    errors: [{ path: 'cursor', code: 'invalid_cursor', message: 'must be a cursor that this list returned' }],
  });
}
