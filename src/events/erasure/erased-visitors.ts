// Was this visitor erased? For whoever takes events in: known to every process within seconds, asked without a store.
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { and, eq, inArray, lt, sql } from 'drizzle-orm';
import { Clock } from '../../common/clock';
import { newId } from '../../common/ids';
import { DAY_MS, HOUR_MS } from '../../common/time-range';
import { Postgres } from '../../platform/postgres/postgres';
import { Maintenance } from '../../platform/queue/maintenance';
import { hexToUInt64, uint64ToHex } from '../pipeline';
import { HotCache } from '../pipeline/hot-cache';
import { ErasureTimes } from './erasure-times';
import { erasureMark } from './erasure-mark';
import { erasedEvents, erasedVisitors, visitorErasures } from './erasure.schema';

/** What is asked of an event that is about to be stored. */
export interface OfVisitor {
  readonly project: number;
  /** Milliseconds. */
  readonly at: number;
  /** Hashes as decimal text; "0" is none. */
  readonly visitor: string;
  readonly user: string;
}

interface Tombstone {
  readonly erasedAt: number;
  readonly settled: boolean;
}

/** An id counts once for a week, see the contract; a day more for clocks. */
const IDS_KEPT_MS = 8 * DAY_MS;
/** A transaction that began earlier may commit later: a minute is read twice. */
const OVERLAP = sql`interval '1 minute'`;
const MOST_NOTED = 500_000;

@Injectable()
export class ErasedVisitors implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(ErasedVisitors.name);
  readonly #projects = new Map<number, Map<string, Tombstone>>();
  readonly #marks = new HotCache<string>(20_000);
  /** Visitors of events that were stored while nobody could say who is erased: `project:hash`. */
  #doubtful = new Set<string>();
  #readUntil = '-infinity';
  #freshAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;

  constructor(
    private readonly postgres: Postgres,
    private readonly maintenance: Maintenance,
    private readonly times: ErasureTimes,
    private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    this.maintenance.every(HOUR_MS, 'forget-erased-ids', () => this.#forgetIds());
    this.#timer = setInterval(() => void this.refresh().catch(() => undefined), this.times.pollMs);
    this.#timer.unref();
    await this.refresh().catch(() => this.#logger.warn('erased visitors could not be read yet'));
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#reading?.catch(() => undefined);
  }

  /** Up to when a hash was erased, milliseconds; undefined where it was not. The function for one project; undefined: it has none. */
  lookUp(project: number): ((hash: string) => number | undefined) | undefined {
    const tombstones = this.#projects.get(project);
    if (tombstones === undefined) return undefined;
    return (hash) => (hash === '0' ? undefined : tombstones.get(this.#markOf(project, hash))?.erasedAt);
  }

  /** What of this may be stored: all but events of erased visitors from before. */
  keep<T extends OfVisitor>(entries: readonly T[]): readonly T[] {
    if (performance.now() - this.#freshAt > this.times.viewMs) this.#note(entries);
    if (this.#projects.size === 0) return entries;
    const isKept = ({ project, at, visitor, user }: T): boolean => {
      const erasedAt = this.lookUp(project);
      return erasedAt === undefined || at > Math.max(erasedAt(visitor) ?? -Infinity, erasedAt(user) ?? -Infinity);
    };
    return entries.every(isKept) ? entries : entries.filter(isKept);
  }

  /** The same of refused events: none of an erased visitor is kept, as its time can't be told.
   *  @param rejects with the encoded row, in which identifiers are hashes */
  keepRejects<T extends { readonly project: number; readonly line: string }>(rejects: readonly T[]): readonly T[] {
    if (rejects.every(({ project }) => !this.#projects.has(project))) return rejects;
    return rejects.filter(({ project, line }) => !this.isAny(project, hashesIn(line)));
  }

  /** Whether any of these hashes was erased, whenever. @param hashes as decimal text */
  isAny(project: number, hashes: readonly string[]): boolean {
    const erasedAt = this.lookUp(project);
    return erasedAt !== undefined && hashes.some((hash) => erasedAt(hash) !== undefined);
  }

  /** Whether rows of a hash are being deleted now: what is known to be stored of it may be gone in a moment. */
  isUnsettled(project: number, hash: string): boolean {
    return this.#projects.get(project)?.get(this.#markOf(project, hash))?.settled === false;
  }

  /** Those of these events that were erased once, by their ids. @throws storeUnavailable */
  async findEvents(project: number, ids: readonly string[]): Promise<Set<string>> {
    const rows = await this.postgres.run((db) =>
      db
        .select({ event: erasedEvents.event })
        .from(erasedEvents)
        .where(and(eq(erasedEvents.project, project), inArray(erasedEvents.event, [...ids]))),
    );
    return new Set(rows.map(({ event }) => event));
  }

  /** Reads what is new. Runs by itself; one at a time. @throws storeUnavailable */
  refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #read(): Promise<void> {
    const began = performance.now();
    const { rows } = await this.postgres.run((db) =>
      db.execute<{ project: number; mark: string; erased: string; settled: boolean; changed: string }>(sql`
        SELECT project, mark, (extract(epoch FROM erased_at) * 1000)::bigint AS erased, settled_at IS NOT NULL AS settled,
          changed_at::text AS changed
        FROM ${erasedVisitors}
        WHERE changed_at >= ${this.#readUntil}::timestamptz - ${OVERLAP}
        ORDER BY changed_at`),
    );
    for (const { project, mark, erased, settled, changed } of rows) {
      const tombstones = this.#projects.get(project) ?? new Map<string, Tombstone>();
      tombstones.set(mark, { erasedAt: Number(erased), settled });
      this.#projects.set(project, tombstones);
      this.#readUntil = changed;
    }
    const doubtful = [...this.#doubtful].map((name) => name.split(':') as [string, string]);
    await this.#eraseAgain(doubtful.map(([project, visitor]) => ({ project: Number(project), visitor })));
    for (const [project, visitor] of doubtful) this.#doubtful.delete(`${project}:${visitor}`);
    this.#freshAt = began;
  }

  #note(entries: readonly OfVisitor[]): void {
    for (const { project, visitor, user } of entries)
      for (const hash of [visitor, user])
        if (this.#doubtful.size < MOST_NOTED) this.#doubtful.add(`${project}:${hash}`);
  }

  /** What this process stored of visitors that were erased while it could not know is deleted after all. */
  async #eraseAgain(stored: readonly { project: number; visitor: string }[]): Promise<void> {
    const rows = stored.flatMap(({ project, visitor }) => {
      const erasedAt = this.lookUp(project)?.(visitor);
      return erasedAt === undefined
        ? []
        : [{ id: newId(), project, visitor: uint64ToHex(visitor), erasedAt: new Date(erasedAt) }];
    });
    if (rows.length > 0) await this.postgres.run((db) => db.insert(visitorErasures).values(rows));
  }

  async #forgetIds(): Promise<void> {
    const before = new Date(this.clock.now() - IDS_KEPT_MS);
    await this.postgres.run((db) => db.delete(erasedEvents).where(lt(erasedEvents.erasedAt, before)));
  }

  #markOf(project: number, hash: string): string {
    const key = `${project}:${hash}`;
    const known = this.#marks.get(key);
    if (known !== undefined) return known;
    const mark = erasureMark(project, hash);
    this.#marks.set(key, mark);
    return mark;
  }
}

/** What may be hashes in the encoded row of a refused event, as decimal text. A text of 16 digits is read both ways. */
const hashesIn = (line: string): string[] =>
  [...line.matchAll(/\\+"([0-9a-f]{16}|[0-9]{1,20})(?=\\+")/g)].flatMap(([, hash = '']) => [
    ...(hash.length === 16 ? [hexToUInt64(hash)] : []),
    ...(/^[0-9]+$/.test(hash) ? [hash] : []),
  ]);
