// What does one answer read, and what did that cost? Runs the queries of an answer under their names, and adds up.
import type { ClickHouseSettings } from '@clickhouse/client';
import type { ClickHouse, ReadOptions } from './clickhouse';
import type { QueryCost } from './query-cost';
import type { Sql } from './sql';

/** One read of an answer. */
export interface ExplainedPart {
  /** What it was for. */
  readonly name: string;
  readonly table: string;
  readonly rows: number;
  readonly bytes: number;
  readonly ms: number;
}

/** What an answer cost: its reads, and their sums. */
export interface Cost {
  readonly parts: readonly ExplainedPart[];
  readonly rows: number;
  readonly bytes: number;
  readonly ms: number;
}

/** For whom an answer is read: a caller who waits for it, or nobody, in the background. */
export type Reader = Pick<ReadOptions, 'requestId' | 'signal' | 'background' | 'timeoutMs' | 'maxRows'>;

/** The reads of one answer for one project. */
export class Reads {
  readonly #began = performance.now();
  readonly #costs: (QueryCost & { table: string })[] = [];

  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly project: number,
    private readonly reader?: Reader,
  ) {}

  /** Runs queries of a purpose, a constant word, that read mostly this table.
   *  The runner throws storeUnavailable and queryTooLarge. */
  of(purpose: string, table: string, settings?: ClickHouseSettings): <T>(query: Sql) => Promise<T[]> {
    return (query) =>
      this.clickhouse.rows(query, {
        purpose,
        project: this.project,
        ...this.reader,
        account: (cost) => this.#costs.push({ ...cost, table }),
        ...(settings === undefined ? {} : { settings }),
      });
  }

  /** What they cost up to now. */
  cost(): Cost {
    return {
      parts: this.#costs.map(({ purpose, table, rows, bytes, elapsedMs }) => ({
        name: purpose,
        table,
        rows,
        bytes,
        ms: Math.round(elapsedMs),
      })),
      rows: this.#costs.reduce((sum, { rows }) => sum + rows, 0),
      bytes: this.#costs.reduce((sum, { bytes }) => sum + bytes, 0),
      ms: Math.round(performance.now() - this.#began),
    };
  }
}
