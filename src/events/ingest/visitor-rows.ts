// What does the warehouse hold of visitors who are to be erased, and how does it go? Also what still waits in the spool.
import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../../common/clock';
import { coalesce, DAY_MS, MINUTE_MS, QUARTER_MS, type TimeRange } from '../../common/time-range';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import type { Sql } from '../../platform/clickhouse/sql';
import { MarkStale } from '../changes';
import { Spool } from './spool';
import * as queries from './visitor-rows.queries';

export type { ErasedHash } from './visitor-rows.queries';

/** For so long a deletion may be under way; what it touches is read from the raw events until then, and not derived again. */
const UNDER_WAY_MS = 5 * MINUTE_MS;
const TIMEOUT_MS = 15 * MINUTE_MS;
const LOOK_EVERY_MS = 250;
/** Deletions at once: one takes a core, and waits a moment for the engine to begin. */
const LANES = 3;
/** Ids are remembered in portions of so many. */
const IDS = 20_000;

@Injectable()
export class VisitorRows {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly spool: Spool,
    private readonly stale: MarkStale,
    private readonly clock: Clock,
  ) {}

  /** Waits until all that waits in the spool now is stored, or left out: what comes out of it passes by the erased visitors.
   *  @returns false: it took longer than that */
  async isSpoolPassed(withinMs: number): Promise<boolean> {
    const newest = (await this.spool.waiting())?.newest ?? -Infinity;
    const end = this.clock.now() + withinMs;
    for (;;) {
      const oldest = (await this.spool.waiting())?.oldest ?? Infinity;
      if (oldest > newest) return true;
      if (this.clock.now() > end) return false;
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** Every visitor that was seen with one of these users: where their events are to be looked for. As decimal text. */
  async around(project: number, hashes: readonly queries.ErasedHash[]): Promise<string[]> {
    const rows = await this.#rows<{ visitor: string }>(queries.linkedVisitors(project, hashes));
    return rows.map(({ visitor }) => visitor);
  }

  /** Whether anything is stored of them: an event, a link or a refused event. */
  async isKnown(project: number, hashes: readonly queries.ErasedHash[]): Promise<boolean> {
    const near = await this.around(project, hashes);
    const looks = [
      queries.anyEvent(project, hashes, near),
      queries.anyLink(project, hashes),
      queries.anyReject(project, hashes),
    ];
    for (const look of looks) if (await this.#finds(look)) return true;
    return false;
  }

  /** Ids of events that would get another time if they came again. @param keep is given some at a time */
  async eachDoubtfulId(gone: queries.Gone, keep: (ids: readonly string[]) => Promise<void>): Promise<void> {
    for (let after: string | undefined; ;) {
      const since = this.clock.now() - 8 * DAY_MS;
      const rows = await this.#rows<{ id: string }>(queries.doubtfulIds(gone, since, IDS, after));
      if (rows.length > 0) await keep(rows.map(({ id }) => id));
      if (rows.length < IDS) return;
      after = rows.at(-1)?.id;
    }
  }

  /** Stretches around their events, with room for the sessions that these held together. */
  async touched(gone: queries.Gone): Promise<TimeRange[]> {
    const fine = Math.floor((this.clock.now() - 2 * DAY_MS) / QUARTER_MS) * QUARTER_MS;
    return coalesce(await this.#rows<TimeRange>(queries.touchedCells(gone, fine)));
  }

  /** Says that what is derived of these stretches is no longer right. To be said again while a deletion goes on. */
  async mark(project: number, ranges: readonly TimeRange[]): Promise<void> {
    await this.stale.mark(project, ranges, { untilMs: UNDER_WAY_MS });
  }

  /** Hides their events from every question, and deletes their links and refused events. Links of events that came after the erasure stay,
   *  or come back.
   *  @param found stretches that hold them; only their months are touched */
  async delete(gone: queries.Gone, found: readonly TimeRange[]): Promise<void> {
    const months = [...monthsIn(found)];
    const lane = async (): Promise<void> => {
      for (let month = months.pop(); month !== undefined; month = months.pop())
        await this.#run(queries.hideEvents(gone, month));
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    if (await this.#finds(queries.anyLink(gone.project, gone.hashes))) {
      await this.#run(queries.deleteLinks(gone));
      await this.#run(queries.restoreLinks(gone));
    }
    if (await this.#finds(queries.anyReject(gone.project, gone.hashes))) await this.#run(queries.deleteRejects(gone));
  }

  /** Takes hidden events of these stretches off the disk, of every project: a month is written anew once, whoever they were. */
  async purge(ranges: readonly TimeRange[]): Promise<void> {
    const months = await this.#rows<{ month: number }>(queries.hiddenMonths([...monthsIn(ranges)]));
    for (const { month } of months) await this.#run(queries.purgeEvents(month));
  }

  /** Whether any row of them is left, wherever it may be. @param onDisk hidden rows are looked for too */
  async isAnyLeft({ project, hashes }: Omit<queries.Gone, 'near'>, { onDisk = false } = {}): Promise<boolean> {
    const counts = queries.eventsLeft({ project, hashes }, onDisk);
    if (await this.#finds(queries.anyLink(project, hashes))) counts.push(queries.linksLeft({ project, hashes }));
    for (const query of counts)
      if ((await this.#rows<{ rows: number }>(query)).some(({ rows }) => rows > 0)) return true;
    return this.#finds(queries.anyReject(project, hashes));
  }

  async #finds(query: Sql): Promise<boolean> {
    return (await this.#rows(query)).length > 0;
  }

  #rows<T>(query: Sql): Promise<T[]> {
    return this.clickhouse.rows<T>(query, { purpose: 'erase visitors', background: true });
  }

  #run(statement: Sql): Promise<void> {
    return this.clickhouse.run(statement, { background: true, timeoutMs: TIMEOUT_MS });
  }
}

/** Months that stretches lie in, as YYYYMM. */
function monthsIn(ranges: readonly TimeRange[]): Set<number> {
  const months = new Set<number>();
  for (const { from, to } of ranges) {
    const first = new Date(from);
    for (let ahead = 0; ; ahead += 1) {
      const month = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + ahead));
      if (month.getTime() >= to) break;
      months.add(month.getUTCFullYear() * 100 + month.getUTCMonth() + 1);
    }
  }
  return months;
}
