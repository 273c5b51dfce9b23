// When are the cells of a month added up? A chore takes months that are over, derived and not stale, and those of which a cell is another one now.
// A question about a year reads twelve rows instead of 365; until they are there it reads the cells'.
import { Injectable } from '@nestjs/common';
import { SECOND_MS } from '../../common/time-range';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import type { Sql } from '../../platform/clickhouse/sql';
import { AggregationOptions } from '../aggregation.options';
import { skips } from '../cells';
import {
  dimensionsOf,
  type KeptOfMonth,
  monthTotalDifferences,
  monthValueDifferences,
  storeTotals,
  storeValues,
} from './months.queries';
import { MonthsRepository, type WaitingMonth } from './months.repository';

/** TRICKY: what was made of an erased visitor must not be written after it was deleted, which is some 40 s after events were hidden: a
 *  statement ends before. */
const TIMEOUT_MS = 20 * SECOND_MS;

@Injectable()
export class MonthAdder {
  constructor(
    private readonly repository: MonthsRepository,
    private readonly clickhouse: ClickHouse,
    private readonly options: AggregationOptions,
  ) {}

  /** Adds up months until none waits, or its turn is over.
   *  @returns how many
   *  @throws storeUnavailable */
  async run(): Promise<number> {
    const { fewestOfMonth, choreTurnMs, onStep } = this.options;
    const end = performance.now() + choreTurnMs;
    let done = 0;
    await this.repository.forget();
    while (performance.now() < end) {
      const version = await this.repository.version();
      const month = await this.repository.next(fewestOfMonth);
      if (month === undefined) break;
      const kept = await this.#dimensions(month);
      // Totals first: by them rows are found that nothing points at.
      await this.#run(storeTotals(month, version));
      await this.#run(storeValues(month, version, kept));
      await onStep('written', month.project);
      if (await this.repository.point(month, version, kept)) done += 1;
    }
    return done;
  }

  /** What differs in the month that begins with a cell, if that counts. @throws storeUnavailable */
  async differs(project: number, from: number): Promise<string[]> {
    const month = await this.repository.from(project, from);
    if (month === undefined) return [];
    const kept = await this.#dimensions(month);
    const found = await Promise.all(
      [monthTotalDifferences(month, month.version), monthValueDifferences(month, month.version, kept)].map((query) =>
        this.#rows<{ what: string }>(query),
      ),
    );
    return found.flat().map(({ what }) => what);
  }

  async #dimensions(month: WaitingMonth): Promise<KeptOfMonth & { readonly skipped: string[] }> {
    const sizes = this.options.monthSizes;
    const found = await this.#rows<{ dimension: string; kept: 'whole' | 'counted' | 'no' }>(dimensionsOf(month, sizes));
    const names = (of: string): string[] => found.filter(({ kept }) => kept === of).map(({ dimension }) => dimension);
    const counted = names('counted')
      .filter((name) => !skips(month, name))
      .toSorted();
    return {
      whole: names('whole'),
      counted,
      first: sizes.first,
      skipped: [...new Set([...month.skipped, ...names('counted'), ...names('no')])].toSorted(),
    };
  }

  #rows<T>(query: Sql): Promise<T[]> {
    return this.clickhouse.rows<T>(query, { purpose: 'rollup', background: true });
  }

  #run(statement: Sql): Promise<void> {
    return this.clickhouse.run(statement, {
      background: true,
      timeoutMs: TIMEOUT_MS,
      settings: { max_execution_time: TIMEOUT_MS / SECOND_MS },
    });
  }
}
