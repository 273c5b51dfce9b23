// How does a block get into the warehouse, each event once? All SQL of ingestion, and the order that makes every step repeatable.
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { Problem } from '../../common/problem';
import { DAY_MS } from '../../common/time-range';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { ClickHouseFault, toFault } from '../../platform/clickhouse/faults';
import {
  Bound,
  clickhouseTime,
  hash,
  ident,
  instant,
  sql,
  Sql,
  uint32,
  uuid,
  uuids,
} from '../../platform/clickhouse/sql';
import { Metrics } from '../../platform/metrics/metrics';
import { eventColumns } from '../pipeline';
import { type Block, type Entry, keyOf, type Reject } from './block';
import { rejectColumns, rejectOfRefusedRow } from './rejects';

const linkColumns = ['project_id', 'visitor_id', 'user_id', 'first_at'] as const;
/** Ids are looked up this far back: the contract's week and a day for clocks. */
const LOOKBACK_MS = 8 * DAY_MS;
/** Pairs of visitor and user that are known to be stored. 100,000 take about 10 MB. */
const KNOWN_LINKS = 100_000;
const LOOKUP_TIMEOUT_MS = 5_000;

interface Twin {
  project: number;
  id: string;
  /** Of the row that stays. */
  at: number;
  visitor: string;
  /** Months that hold rows of it, as YYYYMM. */
  partitions: number[];
}

@Injectable()
export class EventStore {
  /** Pair of visitor and user -> the earliest time that is stored for it. */
  readonly #links = new Map<string, number>();

  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  /** Which of these events are in the warehouse already, under another time or visitor. Only those are looked up that may come
   *  under another one: the rest are caught by their sort key, and a look-up costs as much as a small insert.
   *  @returns keys (`keyOf`) of those that arrived within the last week
   *  @throws ClickHouseFault */
  async findStored(entries: readonly Entry[]): Promise<Set<string>> {
    const given = entries.filter(isDoubtful);
    if (given.length === 0) return new Set();
    const rows = await this.#rows<{ project: number; id: string }>(sql`
      SELECT DISTINCT project_id AS project, toString(event_id) AS id
      FROM events
      WHERE project_id IN ${projectsOf(given)}
        AND received_at >= ${instant(this.clock.now() - LOOKBACK_MS)}
        AND event_id IN ${uuids(given.map(({ id }) => id))}`);
    return new Set(rows.map(keyOf));
  }

  /** Stores a block: links, then events, then rejects. Safe to repeat from any point, by any process.
   *  @param sent what the block held before stored ones were taken out of it
   *  @param timeoutMs for each insert; default INSERT_TIMEOUT_MS
   *  @returns entries that the engine refuses however often they are sent; they are kept as rejects
   *  @throws ClickHouseFault of kind `away`: nothing is certain, the whole block is to be stored again */
  async store(block: Block, sent: readonly Entry[] = block.entries, timeoutMs?: number): Promise<Entry[]> {
    await this.#storeLinks(block, timeoutMs);
    const refused = await this.#storeEvents(block, block.id, timeoutMs);
    await this.#storeRejects(
      [...block.rejects, ...refused.map((entry) => rejectOfRefusedRow(entry, this.clock.now()))],
      block.id,
      timeoutMs,
    );
    await this.#settleTwins(sent);
    return refused;
  }

  async #storeLinks({ entries, id }: Block, timeoutMs?: number): Promise<void> {
    const news = new Map<string, { entry: Entry; at: number }>();
    for (const entry of entries) {
      if (entry.user === '0' || entry.user === entry.visitor) continue;
      const pair = `${entry.project}:${entry.visitor}:${entry.user}`;
      const known = Math.min(this.#links.get(pair) ?? Infinity, news.get(pair)?.at ?? Infinity);
      if (entry.at < known) news.set(pair, { entry, at: entry.at });
    }
    if (news.size === 0) return;
    await this.clickhouse.insert(
      {
        table: 'visitor_links',
        columns: linkColumns,
        body: [...news.values()]
          .map(({ entry, at }) => JSON.stringify([entry.project, entry.visitor, entry.user, clickhouseTime(at)]))
          .join('\n'),
        token: `${id}:links`,
      },
      timeoutMs,
    );
    for (const [pair, { at }] of news) {
      this.#links.delete(pair);
      this.#links.set(pair, at);
    }
    for (const pair of this.#links.keys()) {
      if (this.#links.size <= KNOWN_LINKS) break;
      this.#links.delete(pair);
    }
  }

  /** Inserts rows; where the engine refuses the block for what is in it, halves it until the poison is alone. */
  async #storeEvents(block: Block, token: string, timeoutMs?: number): Promise<Entry[]> {
    const { entries, columns = eventColumns } = block;
    if (entries.length === 0) return [];
    try {
      const stop = this.metrics.insertSeconds.startTimer();
      await this.clickhouse.insert(
        {
          table: 'events',
          columns,
          body: entries.map(({ line }) => line).join('\n'),
          token: `${token}:events`,
        },
        timeoutMs,
      );
      stop();
      this.metrics.blockRows.observe(entries.length);
      return [];
    } catch (error) {
      const fault = toFault(error, true);
      this.metrics.insertFailures.inc({ kind: fault.kind });
      if (fault.kind !== 'data') throw fault;
      if (entries.length === 1) return [...entries];
      const half = entries.length >> 1;
      return [
        ...(await this.#storeEvents({ ...block, entries: entries.slice(0, half) }, `${token}:0`, timeoutMs)),
        ...(await this.#storeEvents({ ...block, entries: entries.slice(half) }, `${token}:1`, timeoutMs)),
      ];
    }
  }

  async #storeRejects(rejects: readonly Reject[], id: string, timeoutMs?: number): Promise<void> {
    if (rejects.length === 0) return;
    await this.clickhouse.insert(
      {
        table: 'rejected_events',
        columns: rejectColumns,
        body: rejects.map(({ line }) => line).join('\n'),
        token: `${id}:rejects`,
      },
      timeoutMs,
    );
  }

  /** Two replicas may have stored one event at the same moment under different keys, each before it could see the other's.
   *  Whoever looks second finds both and leaves the same one.
   *  TRICKY: the deletion is noted durably and carried out behind the answer: a mutation passes over every part, which can take seconds. */
  async #settleTwins(entries: readonly Entry[]): Promise<void> {
    const doubtful = entries.filter(isDoubtful);
    if (doubtful.length === 0) return;
    await this.#settle(sql`
      project_id IN ${projectsOf(doubtful)} AND event_id IN ${uuids(doubtful.map(({ id }) => id))}`);
  }

  /** Settles what no request could see: an id that came first with a time of its own and then with another one, or the twin of a
   *  process that died before it looked.
   *  @param since of what arrived then or later, milliseconds
   *  @returns how many ids had more than one row */
  async settleSince(since: number): Promise<number> {
    return this.#settle(sql`
      (project_id, event_id) IN (SELECT project_id, event_id FROM events WHERE received_at >= ${instant(since)})`);
  }

  /** Leaves one row of each id among the chosen ones of the last week: that of the least time and visitor. */
  async #settle(chosen: Sql): Promise<number> {
    const twins = await this.#rows<Twin>(sql`
      SELECT project_id AS project, toString(event_id) AS id,
             toUnixTimestamp64Milli(min((ts, visitor_id)).1) AS at, lower(hex(min((ts, visitor_id)).2)) AS visitor,
             groupUniqArray(toYYYYMM(ts)) AS partitions
      FROM events
      WHERE received_at >= ${instant(this.clock.now() - LOOKBACK_MS)} AND ${chosen}
      GROUP BY project_id, event_id
      HAVING uniqExact(ts, visitor_id) > 1`);
    for (const { project, id, at, visitor, partitions } of twins)
      for (const partition of partitions)
        await this.clickhouse.run(sql`
          DELETE FROM events IN PARTITION ${ofMonth(partition)}
          WHERE project_id = ${uint32(project)} AND event_id = ${uuid(id)}
            AND NOT (ts = ${instant(at)} AND visitor_id = ${hash(visitor)})
          SETTINGS lightweight_deletes_sync = 0`);
    return twins.length;
  }

  /** Deletes everything of a project. Repeatable.
   *  TRICKY: month by month, and only the months that hold something: a deletion rewrites every part it is pointed at. */
  async erase(project: number): Promise<void> {
    const months = await this.#rows<{ month: number }>(sql`
      SELECT DISTINCT toYYYYMM(ts) AS month FROM events WHERE project_id = ${uint32(project)}`);
    for (const { month } of months)
      await this.clickhouse.run(sql`
        ALTER TABLE events DELETE IN PARTITION ${ofMonth(month)} WHERE project_id = ${uint32(project)}
        SETTINGS mutations_sync = 2`);
    for (const table of ['visitor_links', 'rejected_events'])
      await this.clickhouse.run(sql`
        ALTER TABLE ${ident(table)} DELETE WHERE project_id = ${uint32(project)} SETTINGS mutations_sync = 2`);
  }

  async #rows<T>(query: Sql): Promise<T[]> {
    try {
      return await this.clickhouse.rows<T>(query, { purpose: 'ingest', timeoutMs: LOOKUP_TIMEOUT_MS });
    } catch (error) {
      // For a writer every trouble of a look-up is the same: the block waits.
      throw error instanceof Problem ? new ClickHouseFault('away', undefined, 'LOOK_UP_FAILED') : error;
    }
  }
}

/** Whether the same id may come, or have come, under another sort key. */
const isDoubtful = (entry: Entry): boolean => entry.idGiven && !entry.keyStable;

const projectsOf = (entries: readonly Entry[]): Bound =>
  new Bound('Array(UInt32)', [...new Set(entries.map(({ project }) => project))]);

/** A partition's name, from the engine's own answer: a clause that takes no bound value. */
const ofMonth = (month: number): Sql => new Sql([String(Math.trunc(month))], []);
