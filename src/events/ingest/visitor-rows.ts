// What does the warehouse hold of visitors who are to be erased, and how does it go? Also what still waits in the spool.
import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../../common/clock';
import { coalesce, DAY_MS, MINUTE_MS, QUARTER_MS, type TimeRange } from '../../common/time-range';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { digits, type Sql } from '../../platform/clickhouse/sql';
import { MarkStale } from '../changes';
import { Spool } from './spool';
import * as queries from './visitor-rows.queries';

export type { ErasedHash } from './visitor-rows.queries';

/** For so long a deletion may be under way; what it touches is read from the raw events until then, and not derived again. */
const UNDER_WAY_MS = 5 * MINUTE_MS;
const TIMEOUT_MS = 15 * MINUTE_MS;
const LOOK_EVERY_MS = 250;
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
    for (const look of looks) if ((await this.#rows(look)).length > 0) return true;
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

  /** Deletes their events, links and refused events, off the disk. Links of events that came after the erasure stay, or come back. */
  async delete(gone: queries.Gone): Promise<void> {
    const months = await this.#rows<{ month: number }>(queries.months(gone));
    for (const { month } of months) await this.#run(queries.deleteEvents(gone, digits(month)));
    await this.#run(queries.deleteLinks(gone));
    await this.#run(queries.restoreLinks(gone));
    await this.#run(queries.deleteRejects(gone));
  }

  /** How many rows of them are left, wherever they may be. */
  async left({ project, hashes }: queries.Gone): Promise<number> {
    let left = 0;
    for (const query of queries.leftOf({ project, hashes }))
      left += (await this.#rows<{ rows: number }>(query)).reduce((sum, { rows }) => sum + rows, 0);
    return left;
  }

  #rows<T>(query: Sql): Promise<T[]> {
    return this.clickhouse.rows<T>(query, { purpose: 'erase visitors', background: true });
  }

  #run(statement: Sql): Promise<void> {
    return this.clickhouse.run(statement, { background: true, timeoutMs: TIMEOUT_MS });
  }
}
