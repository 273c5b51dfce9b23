// How do a cell's rows get into the warehouse, and what does a change of events touch there? The only file of this room that asks it.
import { Injectable } from '@nestjs/common';
import { availableParallelism } from 'node:os';
import type { TimeRange } from '../common/time-range';
import { findSessionScan, hasNamed, NAMED_GAP_MS, SESSION_GAP_MS, type SessionScan } from '../events/query';
import { ClickHouse } from '../platform/clickhouse/clickhouse';
import type { Sql } from '../platform/clickhouse/sql';
import { AggregationOptions } from './aggregation.options';
import { CellStore, type CellToWrite, type WrittenCell } from './cell-store';
import { findExtent } from './extent';
import * as queries from './rollup.queries';

/** One statement groups at most so many pairs of event and value: about a gigabyte. */
const MOST_PAIRS = 12_000_000;
const MANY_EVENTS = 50_000;
const MOST_LANES = 3;

@Injectable()
export class RollupStore extends CellStore {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly options: AggregationOptions,
  ) {
    super();
  }

  override isQuiet(): boolean {
    return this.clickhouse.isQuiet();
  }

  async write(cell: CellToWrite): Promise<WrittenCell> {
    const { project, range } = cell;
    const events = await this.count(project, range);
    if (events < this.options.fewestEvents) return { events, detailed: false, skipped: [] };
    const { scan, parts, skipped } = await this.#look(cell, events);
    const statements = [
      queries.store('rollup_totals', cell, queries.totalsOf(cell, scan)),
      ...parts.map((part) => queries.store('rollup_values', cell, queries.valuesOf(cell, scan, part))),
    ];
    const together = this.#lanes(events);
    for (let at = 0; at < statements.length; at += together)
      await Promise.all(statements.slice(at, at + together).map((statement) => this.#run(statement)));
    const full = new Set((await this.#full(cell)).map(({ dimension }) => dimension));
    for (const part of parts) {
      const over = overOf(part, full);
      if (over !== undefined) await this.#run(queries.store('rollup_values', cell, queries.othersOf(cell, scan, over)));
    }
    return { events, detailed: true, skipped };
  }

  async begins(project: number, range: TimeRange, before: number): Promise<number[]> {
    const scan = await this.#scan(project, range);
    const rows = await this.#rows<{ at: number }>(queries.beginnings(project, range, before, scan));
    return rows.map(({ at }) => at);
  }

  extent(project: number, range: TimeRange, cut: number): Promise<TimeRange> {
    return findExtent((query) => this.#rows(query), project, range, cut);
  }

  async openFrom(project: number, cut: number): Promise<number> {
    const [named] = await this.#rows<{ found: number }>(hasNamed(project, cut));
    const range = { from: cut - (named?.found === 1 ? NAMED_GAP_MS : SESSION_GAP_MS), to: cut };
    const [open] = await this.#rows<{ at: number; found: number }>(
      queries.earliestOpen(project, range, await this.#scan(project, range)),
    );
    return open?.found === 1 ? Math.min(open.at, cut) : cut;
  }

  async days(project: number, before: number): Promise<number[]> {
    const rows = await this.#rows<{ at: number }>(queries.daysWithEvents(project, before));
    return rows.map(({ at }) => at);
  }

  async count(project: number, range: TimeRange): Promise<number> {
    const [counted] = await this.#rows<{ events: number }>(queries.countEvents(project, range));
    return counted?.events ?? 0;
  }

  async volumes(): Promise<ReadonlyMap<number, number>> {
    const rows = await this.#rows<{ project: number; events: number }>(queries.projectVolumes);
    return new Map(rows.map(({ project, events }) => [project, events]));
  }

  async differs(cell: CellToWrite): Promise<string[]> {
    const { scan, parts } = await this.#look(cell, await this.count(cell.project, cell.range));
    const rows = await this.#rows<{ what: string }>(queries.totalDifferences(cell, scan));
    const full = new Set((await this.#full(cell)).map(({ dimension }) => dimension));
    for (const part of parts)
      rows.push(
        ...(await this.#rows<{ what: string }>(queries.valueDifferences(cell, scan, part, overOf(part, full)))),
      );
    return rows.map(({ what }) => what);
  }

  /** What is needed before rows can be computed: how far sessions reach, and which keys and dimensions go together. */
  async #look(
    cell: CellToWrite,
    events: number,
  ): Promise<{ scan: SessionScan; parts: queries.ValuesPart[]; skipped: string[] }> {
    const [scan, frequent] = await Promise.all([
      this.#scan(cell.project, cell.range),
      this.#rows<{ key: string }>(queries.frequentKeys(cell)),
    ]);
    const found = frequent.map(({ key }) => key);
    const keys = found.slice(0, queries.MAX_KEYS);
    const skipped = found.length > keys.length ? [`${queries.PROPERTY}*`] : [];
    const parts: queries.ValuesPart[] = [];
    const all = [
      ...queries.ROLLUP_DIMENSIONS.map((name) => ({ dimensions: [name], keys: [] as string[] })),
      ...keys.map((key) => ({ dimensions: [] as string[], keys: [key] })),
    ];
    const size = Math.min(
      Math.max(1, Math.floor(MOST_PAIRS / Math.max(events, 1))),
      // One statement does not fill two cores: its rows come in one stream.
      Math.ceil(all.length / this.#lanes(events)),
    );
    for (let at = 0; at < all.length; at += size) {
      const some = all.slice(at, at + size);
      parts.push({
        dimensions: some.flatMap(({ dimensions }) => dimensions),
        keys: some.flatMap(({ keys: own }) => own),
      });
    }
    return { scan, parts, skipped };
  }

  /** Statements at a time: one, unless there is much to do and nobody waits. */
  #lanes(events: number): number {
    return events > MANY_EVENTS && this.clickhouse.isQuiet() ? Math.min(MOST_LANES, availableParallelism()) : 1;
  }

  #full(cell: CellToWrite): Promise<{ dimension: string }[]> {
    return this.#rows(queries.fullDimensions(cell));
  }

  #scan(project: number, range: TimeRange): Promise<SessionScan> {
    return findSessionScan((query) => this.#rows(query), project, range);
  }

  #rows<T>(query: Sql): Promise<T[]> {
    return this.clickhouse.rows<T>(query, { purpose: 'rollup', background: true });
  }

  #run(statement: Sql): Promise<void> {
    // In the background one thread works; while nobody waits, as many as there are.
    const settings = this.clickhouse.isQuiet() ? { max_threads: availableParallelism() } : {};
    return this.clickhouse.run(statement, { background: true, settings });
  }
}

/** What of a part has more values than are kept; undefined: nothing. */
const overOf = (part: queries.ValuesPart, full: ReadonlySet<string>): queries.ValuesPart | undefined => {
  const dimensions = part.dimensions.filter((name) => full.has(name));
  const keys = part.keys.filter((key) => full.has(queries.PROPERTY + key));
  return dimensions.length + keys.length === 0 ? undefined : { dimensions, keys };
};
