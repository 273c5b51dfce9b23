// What is held about somebody? All of it, as one file that is written while it is read.
import { Injectable } from '@nestjs/common';
import { Readable } from 'node:stream';
import { type Actor, AuditLog } from '../../audit';
import { notFound } from '../../common/problem';
import { erasureMark } from '../../events';
import { hexToUInt64 } from '../../events/pipeline';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import type { Caller } from '../../platform/http/caller';
import { Postgres } from '../../platform/postgres/postgres';
import type { Project } from '../../projects';
import { ProfileService } from '../profile/profile.service';
import { TraitsRepository } from '../traits/traits.repository';
import { ErasedPeopleRepository } from './erased-people.repository';
import { heldLinks, heldRejects, type LinkRow, type RejectRow } from './export.queries';
import { Problem } from '../../common/problem';

const PAGE = 1_000;

@Injectable()
export class ExportService {
  constructor(
    private readonly profiles: ProfileService,
    private readonly people: ErasedPeopleRepository,
    private readonly traits: TraitsRepository,
    private readonly clickhouse: ClickHouse,
    private readonly postgres: Postgres,
    private readonly audit: AuditLog,
  ) {}

  /** Lines of JSON, each with its `type`: `profile`, `link`, `traits`, `session`, `event`, `rejected`. That it was asked for is logged first.
   *  @throws notFound where nothing is held, storeUnavailable before the first line; later the stream breaks */
  async export(project: Project, hash: string, actor: Actor, caller: Caller): Promise<Readable> {
    const hashes = await this.people.hashesOf(project.number, hash, caller);
    const [id = hash] = hashes;
    const lines = this.#lines(project, id, hashes, caller);
    const first = await lines.next();
    if (first.done === true) throw notFound({ detail: 'The project keeps nothing of this visitor.' });
    await this.postgres.transaction((db) =>
      this.audit.record(db, actor, {
        projectId: project.id,
        action: 'visitor.exported',
        targetId: erasureMark(project.number, hexToUInt64(id)),
      }),
    );
    return Readable.from(withFirst(first.value, lines), { objectMode: false, highWaterMark: 65_536 });
  }

  async *#lines(
    project: Project,
    id: string,
    hashes: readonly string[],
    caller: Caller,
  ): AsyncGenerator<string, undefined> {
    const options = { purpose: 'visitor export', project: project.number, ...caller };
    const profile = await orNone(() => this.profiles.get(project, id, caller));
    if (profile !== undefined) yield line('profile', profile);
    for (const row of await this.clickhouse.rows<LinkRow>(heldLinks(project.number, hashes), options))
      yield line('link', { visitorId: row.visitor, userId: row.user, firstSeen: new Date(row.firstMs).toISOString() });
    for (const [visitor, traits] of await this.traits.of(project.id, hashes))
      yield line('traits', { id: visitor, traits });
    if (profile !== undefined) {
      yield* pages('session', (cursor) => this.profiles.sessions(project, id, { limit: PAGE, ...cursor }, caller));
      yield* pages('event', (cursor) =>
        this.profiles.timeline(project, id, { limit: PAGE, order: 'asc', ...cursor }, caller),
      );
    }
    for (const row of await this.clickhouse.rows<RejectRow>(heldRejects(project.number, hashes), options))
      yield line('rejected', { ...row, receivedAt: new Date(row.receivedAt).toISOString() });
    return undefined;
  }
}

const line = (type: string, value: object): string => `${JSON.stringify({ type, ...value })}\n`;

async function* withFirst(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

async function* pages(
  type: string,
  read: (at: { cursor?: string }) => Promise<{ data: object[]; page: { next: string | null } }>,
): AsyncGenerator<string> {
  for (let cursor: string | null | undefined; cursor !== null;) {
    const { data, page } = await read(cursor === undefined ? {} : { cursor });
    for (const row of data) yield line(type, row);
    cursor = page.next;
  }
}

/** Somebody may be known by a link or traits alone. */
const orNone = async <T>(read: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Problem && error.kind.status === 404) return undefined;
    throw error;
  }
};
