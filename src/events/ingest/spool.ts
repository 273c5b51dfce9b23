// Where do acknowledged blocks wait while the warehouse is away? In Postgres: durable, shared by every replica, and bounded.
import { Injectable, Logger } from '@nestjs/common';
import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import { problem } from '../../common/problem';
import { Env } from '../../config/env';
import { Metrics } from '../../platform/metrics/metrics';
import { Postgres } from '../../platform/postgres/postgres';
import { ingestSpool } from '../events.schema';
import { type Block, packBlock, unpackBlock } from './block';

/** The spool has reached SPOOL_MAX_MB. */
export const spoolFull = problem(503, 'spool_full', 'No more events can be kept until the warehouse is back');

const MEGABYTE = 1_048_576;

@Injectable()
export class Spool {
  readonly #logger = new Logger(Spool.name);

  constructor(
    private readonly postgres: Postgres,
    private readonly env: Env,
    private readonly metrics: Metrics,
  ) {}

  /** Keeps a block, on disk when this returns.
   *  @throws spoolFull at the limit, storeUnavailable where Postgres is away too */
  async append(block: Block): Promise<void> {
    const body = packBlock(block);
    const rows = block.entries.length + block.rejects.length;
    // One statement, so that replicas that append at once can't pass the limit by more than a block each.
    const kept = await this.postgres.run((db) =>
      db.execute(sql`
        INSERT INTO ${ingestSpool} (rows, bytes, body)
        SELECT ${rows}, ${body.length}, ${body}
        WHERE (SELECT coalesce(sum(bytes), 0) FROM ${ingestSpool}) + ${body.length} <= ${this.env.SPOOL_MAX_MB * MEGABYTE}`),
    );
    if (kept.rowCount !== 1) throw spoolFull({ retryAfterSeconds: 30 });
    this.metrics.spoolBlocks.inc();
    this.metrics.spoolBytes.inc(body.length);
  }

  /** The oldest block that can be read; undefined where none waits. It stays until `remove`. */
  async oldest(): Promise<{ id: number; block: Block } | undefined> {
    for (;;) {
      const [row] = await this.postgres.run((db) =>
        db.select().from(ingestSpool).where(waits).orderBy(asc(ingestSpool.id)).limit(1),
      );
      if (row === undefined) return undefined;
      const block = readBlock(row.body);
      if (block !== undefined) return { id: row.id, block };
      await this.#putAside(row.id, row.rows);
    }
  }

  /** Lets go of a block that the warehouse has. */
  async remove(id: number): Promise<void> {
    await this.postgres.run((db) => db.delete(ingestSpool).where(eq(ingestSpool.id, id)));
    this.metrics.spoolDrained.inc();
  }

  /** Number of the newest block and of the oldest one that wait; undefined where none does. */
  async waiting(): Promise<{ oldest: number; newest: number } | undefined> {
    const [row] = await this.postgres.run((db) =>
      db
        .select({
          oldest: sql<number | null>`min(${ingestSpool.id})::float8`,
          newest: sql<number | null>`max(${ingestSpool.id})::float8`,
        })
        .from(ingestSpool)
        .where(waits),
    );
    const { oldest = null, newest = null } = row ?? {};
    return oldest === null || newest === null ? undefined : { oldest, newest };
  }

  /** Takes everything of a project out of the blocks that wait. One that nobody can read goes whole: it may hold something of it. */
  async forget(project: number): Promise<void> {
    const ids = await this.postgres.run((db) =>
      db.select({ id: ingestSpool.id }).from(ingestSpool).orderBy(asc(ingestSpool.id)),
    );
    for (const { id } of ids) {
      const [row] = await this.postgres.run((db) => db.select().from(ingestSpool).where(eq(ingestSpool.id, id)));
      if (row === undefined) continue;
      const block = readBlock(row.body);
      if (block === undefined) {
        await this.postgres.run((db) => db.delete(ingestSpool).where(eq(ingestSpool.id, id)));
        continue;
      }
      const others = (item: { project: number }) => item.project !== project;
      const kept = { ...block, entries: block.entries.filter(others), rejects: block.rejects.filter(others) };
      const rows = kept.entries.length + kept.rejects.length;
      if (rows === row.rows) continue;
      const body = packBlock(kept);
      await this.postgres.run((db) =>
        db.update(ingestSpool).set({ rows, bytes: body.length, body }).where(eq(ingestSpool.id, id)),
      );
    }
  }

  /** What waits now; also told to the metrics. */
  async depth(): Promise<{ blocks: number; bytes: number }> {
    const [row] = await this.postgres.run((db) =>
      db
        .select({
          blocks: sql<number>`count(*)::int`,
          bytes: sql<number>`coalesce(sum(${ingestSpool.bytes}), 0)::float8`,
        })
        .from(ingestSpool)
        .where(waits),
    );
    const depth = row ?? { blocks: 0, bytes: 0 };
    this.metrics.spoolBlocks.set(depth.blocks);
    this.metrics.spoolBytes.set(depth.bytes);
    return depth;
  }

  /** TRICKY: one block that can't be read must not keep those behind it from the warehouse for ever. It is kept for whoever can do more
   *  with it than we can, and said loudly: its events were acknowledged. */
  async #putAside(id: number, rows: number): Promise<void> {
    const aside = await this.postgres.run((db) =>
      db
        .update(ingestSpool)
        .set({ damagedAt: sql`now()` })
        .where(and(eq(ingestSpool.id, id), waits)),
    );
    if (aside.rowCount !== 1) return;
    this.#logger.error(
      { block: id, rows },
      'a block of the spool is damaged and was put aside: its events are missing',
    );
    this.metrics.spoolDamaged.inc();
  }
}

const waits = isNull(ingestSpool.damagedAt);

/** A block as it was packed, or nothing where it is not as it was: its checksum says so. */
function readBlock(body: Buffer): Block | undefined {
  try {
    return unpackBlock(body);
  } catch {
    return undefined;
  }
}
