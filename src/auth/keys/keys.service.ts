// How do keys of a project come and go?
import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor';
import { AuditLog } from '../../audit/audit-log';
import { Clock } from '../../common/clock';
import { decodeCursor, toPage, type Page } from '../../common/cursor';
import { newId } from '../../common/ids';
import { invalidInput, notFound } from '../../common/problem';
import { isUuid } from '../../common/ids';
import { SECOND_MS } from '../../common/time-range';
import type { Db } from '../../platform/postgres/postgres';
import { PROJECT_KEY_KINDS, SCOPES_OF_KIND, type ProjectKeyKind, type Scope } from '../auth.types';
import { KeyDirectory } from '../key-directory';
import { hashOfKeyText, newKeyText, SHOWN_END, SHOWN_START } from '../key-format';
import { KeysRepository, type KeyRow } from '../keys.repository';
import { keyAlreadyRotated } from './keys.errors';

const DEFAULT_GRACE_SECONDS = 86_400;
const DEFAULT_LIMIT = 50;

/** A new key and its text, which nobody can read again. */
export interface MadeKey {
  readonly row: KeyRow;
  readonly text: string;
}

/** What a new key is to be. */
export interface KeyWish {
  readonly name: string;
  readonly kind: ProjectKeyKind;
  readonly scopes?: readonly Scope[] | undefined;
  readonly expiresAt?: Date | null | undefined;
}

/** Keys of projects. */
@Injectable()
export class KeysService {
  constructor(
    private readonly repository: KeysRepository,
    private readonly directory: KeyDirectory,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** Makes the first three keys of a project, one a kind, in the transaction that makes the project. */
  async createFirst(projectId: string, within: Db, actor: Actor): Promise<Record<ProjectKeyKind, string>> {
    const made = PROJECT_KEY_KINDS.map((kind) => this.make(projectId, { name: `First ${kind} key`, kind }));
    await this.repository.insert(
      made.map(({ row }) => row),
      projectId,
      async (db) => {
        for (const { row } of made) await this.log(db, actor, 'key.created', row);
      },
      within,
    );
    return Object.fromEntries(made.map(({ row, text }) => [row.kind, text])) as Record<ProjectKeyKind, string>;
  }

  /** Makes a key.
   *  @throws invalidInput for scopes beyond its kind's, or an end that is not in the future */
  async create(projectId: string, wish: KeyWish, actor: Actor): Promise<MadeKey> {
    this.check(wish);
    const made = this.make(projectId, wish);
    await this.repository.insert([made.row], projectId, (db) => this.log(db, actor, 'key.created', made.row));
    await this.directory.changed(projectId);
    return made;
  }

  /** A project's keys, newest first, without those that are revoked. */
  async list(
    projectId: string,
    { limit = DEFAULT_LIMIT, cursor }: { limit?: number; cursor?: string },
  ): Promise<Page<KeyRow>> {
    const after = cursor === undefined ? undefined : readCursor(cursor);
    const rows = await this.repository.list(projectId, limit + 1, after);
    return toPage(
      rows,
      limit,
      (row) => [row.createdAt.getTime(), row.id],
      (row) => row,
    );
  }

  /** Ends a key: here at once, in every process within 5 s.
   *  @throws notFound where the project has no such key that works */
  async revoke(projectId: string, keyId: string, actor: Actor): Promise<void> {
    const ended = await this.repository.revoke(projectId, keyId, this.clock.now(), (db) =>
      this.audit.record(db, actor, { projectId, action: 'key.revoked', targetId: keyId }),
    );
    if (!ended) throw notFound();
    await this.directory.changed(projectId);
  }

  /** Makes a key that can do the same; the old one works for `graceSeconds` more.
   *  @throws notFound; keyAlreadyRotated */
  async rotate(projectId: string, keyId: string, actor: Actor, graceSeconds = DEFAULT_GRACE_SECONDS): Promise<MadeKey> {
    const old = await this.repository.find(projectId, keyId);
    const now = this.clock.now();
    if (old === undefined || (old.expiresAt !== null && old.expiresAt.getTime() <= now && old.rotatedTo === null))
      throw notFound();
    const made = this.make(projectId, old);
    const changes = { graceSeconds: { after: graceSeconds }, rotatedTo: { after: made.row.id } };
    const rotated = await this.repository.rotate(old, made.row, new Date(now + graceSeconds * SECOND_MS), (db) =>
      this.audit.record(db, actor, { projectId, action: 'key.rotated', targetId: keyId, changes }),
    );
    if (!rotated) throw keyAlreadyRotated();
    await this.directory.changed(projectId);
    return made;
  }

  private log(db: Db, actor: Actor, action: 'key.created', row: KeyRow): Promise<void> {
    const { name, kind, scopes, expiresAt } = row;
    const changes = {
      name: { after: name },
      kind: { after: kind },
      scopes: { after: scopes },
      ...(expiresAt === null ? {} : { expiresAt: { after: expiresAt.toISOString() } }),
    };
    return this.audit.record(db, actor, { projectId: row.projectId, action, targetId: row.id, changes });
  }

  private make(projectId: string, { name, kind, scopes, expiresAt }: KeyWish): MadeKey {
    const text = newKeyText(kind);
    return {
      text,
      row: {
        id: newId(),
        projectId,
        kind,
        name,
        scopes: [...(scopes ?? SCOPES_OF_KIND[kind])],
        hash: hashOfKeyText(text),
        prefix: text.slice(0, SHOWN_START),
        last4: text.slice(-SHOWN_END),
        createdAt: new Date(this.clock.now()),
        expiresAt: expiresAt ?? null,
        revokedAt: null,
        rotatedTo: null,
        lastUsedAt: null,
      },
    };
  }

  private check({ kind, scopes = [], expiresAt }: KeyWish): void {
    const beyond = scopes.filter((scope) => !SCOPES_OF_KIND[kind].includes(scope));
    const past = expiresAt !== undefined && expiresAt !== null && expiresAt.getTime() <= this.clock.now();
    const errors = [
      ...(beyond.length > 0
        ? [
            {
              path: 'scopes',
              code: 'not_allowed',
              message: `must be scopes of a ${kind} key, not ${beyond.join(', ')}`,
            },
          ]
        : []),
      ...(past ? [{ path: 'expiresAt', code: 'out_of_range', message: 'must be in the future' }] : []),
    ];
    if (errors.length > 0) throw invalidInput({ errors });
  }
}

function readCursor(cursor: string): { createdAt: number; id: string } {
  const [createdAt, id] = decodeCursor(cursor, ['number', 'string'] as const);
  if (isUuid(id) && Number.isSafeInteger(createdAt) && Math.abs(createdAt) < 8.64e15) return { createdAt, id };
  throw invalidInput({
    errors: [{ path: 'cursor', code: 'invalid_cursor', message: 'must be a cursor that this list returned' }],
  });
}
