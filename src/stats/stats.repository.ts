// How do answers come out of the warehouse? The only place of this room that asks it.
import { Injectable } from '@nestjs/common';
import { findSessionScan } from '../events/query';
import { ClickHouse } from '../platform/clickhouse/clickhouse';
import type { Caller } from '../platform/http/caller';
import { metricOf } from './metrics';
import { planOf } from './stats.plan';
import { firstEvent, statsSql } from './stats.queries';
import type { StatsQuery, StatsRow } from './stats.types';

@Injectable()
export class StatsRepository {
  constructor(private readonly clickhouse: ClickHouse) {}

  /** The rows of a question, in its order: exact, straight from raw events.
   *  @throws storeUnavailable, queryTooLarge; invalidInput for a pattern that RE2 does not take */
  async rows(query: StatsQuery, caller?: Caller): Promise<StatsRow[]> {
    const options = { purpose: 'stats', ...caller };
    const plan = planOf(query);
    const scan = plan.needs.sessions
      ? await findSessionScan((sql) => this.clickhouse.rows(sql, options), query.project, query.range)
      : undefined;
    const rows = await this.clickhouse.rows<Record<string, unknown>>(statsSql(query, plan, scan), options);
    return rows.map((row) => toStatsRow(query, row));
  }

  /** When the project's first event was, in milliseconds; undefined when it has none. @throws storeUnavailable */
  async firstEventAt(project: number): Promise<number | undefined> {
    const [first] = await this.clickhouse.rows<{ at: number; found: number }>(firstEvent(project), {
      purpose: 'stats_first_event',
    });
    return first?.found === 1 ? first.at : undefined;
  }
}

/** A row of the engine (`g0…`, `m0…`) as a row of the answer. */
export const toStatsRow = (query: StatsQuery, row: Record<string, unknown>): StatsRow => ({
  groups: query.groupings.map((_, at) => row[`g${at}`] as string | number),
  values: query.metrics.map((name, at) => metricOf(name).read(row[`m${at}`])),
});
