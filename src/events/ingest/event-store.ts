// How does a block get into the warehouse, each event once? All SQL of ingestion, and the order that makes every step repeatable.
import { createHash } from 'node:crypto';
import { Injectable, Optional } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { Problem } from '../../common/problem';
import { DAY_MS, MINUTE_MS } from '../../common/time-range';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { ClickHouseFault, toFault } from '../../platform/clickhouse/faults';
import { Bound, hash, ident, instant, sql, Sql, uint32, uuid, uuids } from '../../platform/clickhouse/sql';
import { Metrics } from '../../platform/metrics/metrics';
import { cellsAroundGone, ChangeLog, MarkStale } from '../changes';
import { ErasedVisitors } from '../erasure/erased-visitors';
import { eventColumns } from '../pipeline';
import { type Block, type Entry, keyOf, type Reject } from './block';
import { LinkStore } from './link-store';
import { rejectColumns, rejectOfRefusedRow } from './rejects';
import { StoredEvents } from './stored-events';

/** Ids are looked up this far back: the contract's week and a day for clocks. */
const LOOKBACK_MS = 8 * DAY_MS;
const LOOKUP_TIMEOUT_MS = 5_000;
/** A deletion that is noted is carried out within seconds; what it changes may not be derived before. */
const SETTLED_MS = 5 * MINUTE_MS;

interface Twin {
  project: number;
  id: string;
  /** Of the row that stays. */
  at: number;
  visitor: string;
  /** Months that hold rows of it, as YYYYMM. */
  partitions: number[];
  /** Every row of it: when, and whether its session has an id (1). */
  rows: [at: number, named: number][];
}

@Injectable()
export class EventStore {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
    private readonly links: LinkStore,
    private readonly changes: ChangeLog,
    private readonly stale: MarkStale,
    private readonly stored: StoredEvents,
    @Optional() private readonly erased?: ErasedVisitors,
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

  /** Stores a block: links, then events, then rejects. What is derived already and changes by it is said before. Safe to repeat from
   *  any point, by any process.
   *  @param sent what the block held before stored ones were taken out of it
   *  @param timeoutMs for each insert; default INSERT_TIMEOUT_MS
   *  @returns entries that the engine refuses however often they are sent; they are kept as rejects
   *  @throws ClickHouseFault of kind `away`: nothing is certain, the whole block is to be stored again; storeUnavailable where the
   *    time is longer than the default, as nobody waits then who would have to do without Postgres */
  async store(given: Block, sent: readonly Entry[] = given.entries, timeoutMs?: number): Promise<Entry[]> {
    let block = this.#withoutErased(given);
    // Of a block that waited, an insert that was given up may have stored a part that nobody knows of: all of it counts as new.
    const ticket = await this.changes.before(timeoutMs === undefined ? block.entries : sent, timeoutMs);
    await this.links.store(block, ticket, (query) => this.#rows(query), timeoutMs);
    // Again, as looking links up took time: an erasure waits for one insert that did not know of it, not for more.
    block = this.#withoutErased(block);
    const refused = await this.#storeEvents(block, block.id, timeoutMs);
    await this.#storeRejects(
      [...block.rejects, ...refused.map((entry) => rejectOfRefusedRow(entry, this.clock.now()))],
      block.id,
      timeoutMs,
    );
    await this.changes.after(ticket);
    await this.#settleTwins(sent);
    this.stored.tell(block, refused);
    return refused;
  }

  /** What became of a block whose insert failed is not known, and nobody will send it again. */
  doubt(block: Block): void {
    this.changes.doubt(block.entries);
  }

  /** TRICKY: what is left out was accepted before its visitor was erased, and would be deleted now: it is as if it had been. */
  #withoutErased(block: Block): Block {
    if (this.erased === undefined) return block;
    return {
      ...block,
      entries: this.erased.keep(block.entries),
      rejects: this.erased.keepRejects(block.rejects),
    };
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
      const refused: Entry[] = [];
      for (const part of [entries.slice(0, half), entries.slice(half)])
        refused.push(...(await this.#storeEvents({ ...block, entries: part }, partOf(block, part), timeoutMs)));
      return refused;
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
    try {
      await this.#settle(sql`
        project_id IN ${projectsOf(doubtful)} AND event_id IN ${uuids(doubtful.map(({ id }) => id))}`);
    } catch (error) {
      // Postgres does not take the marks: the block is stored all the same, and `settleSince` does this when it is back.
      if (error instanceof ClickHouseFault) throw error;
    }
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
             groupUniqArray(toYYYYMM(ts)) AS partitions,
             groupUniqArray((toUnixTimestamp64Milli(ts), session_id != 0)) AS rows
      FROM events
      WHERE received_at >= ${instant(this.clock.now() - LOOKBACK_MS)} AND ${chosen}
      GROUP BY project_id, event_id
      HAVING uniqExact(ts, visitor_id) > 1`);
    for (const { project, rows } of twins)
      await this.stale.mark(
        project,
        rows.map(([at, named]) => cellsAroundGone(at, named === 1)),
        { untilMs: SETTLED_MS },
      );
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
      return await this.clickhouse.rows<T>(query, { purpose: 'ingest', urgent: true, timeoutMs: LOOKUP_TIMEOUT_MS });
    } catch (error) {
      // For a writer every trouble of a look-up is the same: the block waits.
      throw error instanceof Problem ? new ClickHouseFault('away', undefined, 'LOOK_UP_FAILED') : error;
    }
  }
}

/** Whether the same id may come, or have come, under another sort key. */
const isDoubtful = (entry: Entry): boolean => entry.idGiven && !entry.keyStable;

/** Names a part of a block by what is in it.
 *  TRICKY: a block that comes again from the spool may lack what is found in the warehouse by then, so its halves are others: under the
 *  name of a half that was stored the engine would drop events that were not in it. */
const partOf = ({ id }: Block, part: readonly Entry[]): string => {
  const content = createHash('sha256');
  for (const { line } of part) content.update(line).update('\n');
  return `${id}:${content.digest('hex').slice(0, 32)}`;
};

const projectsOf = (entries: readonly Entry[]): Bound =>
  new Bound('Array(UInt32)', [...new Set(entries.map(({ project }) => project))]);

/** A partition's name, from the engine's own answer: a clause that takes no bound value. */
const ofMonth = (month: number): Sql => new Sql([String(Math.trunc(month))], []);
