// When are the visitors of days counted that begin and end within the project's own? A chore takes pairs of days that were derived since.
// A chart of another zone's days takes these numbers; until they are there, it merges the states of each day's hours.
import { Injectable } from '@nestjs/common';
import { SECOND_MS } from '../../common/time-range';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { AggregationOptions } from '../aggregation.options';
import { type CellPair, rollingStarts, rollingVisitors } from './rolling.queries';
import { RollingRepository } from './rolling.repository';

/** Pairs of one look: cells may be derived again meanwhile. */
const TOGETHER = 20;

@Injectable()
export class RollingCounter {
  constructor(
    private readonly repository: RollingRepository,
    private readonly clickhouse: ClickHouse,
    private readonly options: AggregationOptions,
  ) {}

  /** Counts until no pair waits, or its turn is over.
   *  @returns how many pairs
   *  @throws storeUnavailable */
  async run(): Promise<number> {
    const { fewestRolling, choreTurnMs } = this.options;
    const end = performance.now() + choreTurnMs;
    let done = 0;
    while (performance.now() < end) {
      const pairs = await this.repository.next(fewestRolling, TOGETHER);
      for (const pair of pairs) if (await this.repository.keep(pair, await this.#count(pair))) done += 1;
      if (pairs.length < TOGETHER) break;
    }
    return done;
  }

  /** Whether what was counted of two cells, if anything, is what would be counted. @throws storeUnavailable */
  async isRight(pair: CellPair): Promise<boolean> {
    const kept = await this.repository.kept(pair);
    return kept === undefined || JSON.stringify(kept) === JSON.stringify(await this.#count(pair));
  }

  async #count(pair: CellPair): Promise<number[]> {
    const starts = rollingStarts(pair);
    const rows = await this.clickhouse.rows<{ at: number; found: number }>(rollingVisitors(pair, starts), {
      purpose: 'rollup',
      background: true,
    });
    const visitors = new Map(rows.map(({ at, found }) => [at * SECOND_MS, found]));
    return starts.map((at) => visitors.get(at) ?? 0);
  }
}
