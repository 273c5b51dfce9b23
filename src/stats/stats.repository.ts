// How do answers come out of the warehouse? From derived rows, from a sample of raw events, or from all of them: whatever does.
import { Injectable } from '@nestjs/common';
import { ChangeLog } from '../events/changes';
import { findSessionScan, type Sample, sampleTable } from '../events/query';
import { ClickHouse } from '../platform/clickhouse/clickhouse';
import type { Sql } from '../platform/clickhouse/sql';
import { type Reader, Reads } from '../platform/clickhouse/reads';
import { metricOf } from './metrics';
import { RolledRepository, type RolledRows } from './rolled/rolled.repository';
import { EXACT_UP_TO, STATE_ERROR } from './rolled/rolled.queries';
import { isOverview, overviewSql } from './overview.queries';
import { errorsOf, grown, type PartRow, sampleFor } from './sampling';
import { planOf, type StatsPlan } from './stats.plan';
import { type Reading, shownRange, statsSql } from './stats.queries';
import { sameGroups } from './stats.inquiry';
import { SPREAD } from './spread';
import { Volumes } from './volumes';
import type { Account, StatsAnswer, StatsQuery, StatsRow } from './stats.types';

type Row = Record<string, unknown>;

@Injectable()
export class StatsRepository {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly rolled: RolledRepository,
    private readonly volumes: Volumes,
    private readonly changes: ChangeLog,
  ) {}

  /** The answer to a question, in its order.
   *  @param zone of the project, whose local days derived rows follow
   *  @throws storeUnavailable, queryTooLarge; invalidInput for a pattern that RE2 does not take */
  async answer(query: StatsQuery, zone: string, reader?: Reader): Promise<StatsAnswer> {
    const reads = new Reads(this.clickhouse, query.project, reader);
    const answer = await this.#answer(query, zone, reads);
    const cost = reads.cost();
    return { ...answer, account: { ...answer.account, ...(query.explain === true ? { explain: cost } : {}) }, cost };
  }

  async #answer(query: StatsQuery, zone: string, reads: Reads): Promise<StatsAnswer> {
    // What is owed to Postgres is in raw events alone.
    const auto = query.precision !== 'exact' && !this.changes.owes(query.project);
    const rolled = auto ? await this.rolled.rows(query, zone, reads.of('stats_rollup', 'rollup', PARALLEL)) : undefined;
    if (rolled !== undefined) return ofRolled(query, rolled);
    const plan = planOf(query);
    const volume = auto ? await this.volumes.of(query.project, zone, shownRange(query)) : undefined;
    const sample = volume?.sample(sampleFor(query, plan, volume.events));
    const scan = plan.needs.sessions
      ? await findSessionScan(reads.of('stats_sessions', 'events'), query.project, query.range, sample)
      : undefined;
    if (sample !== undefined) return this.#estimated(query, plan, { scan, sample }, reads);
    const found = await reads.of('stats', 'events')<Row>(sqlOf(query, plan, { scan }));
    return { rows: found.map((row) => toStatsRow(query, row)), account: {} };
  }

  /** A sample's rows, for all visitors, with their error. Where only the first of many rows are asked for they are found first. */
  async #estimated(
    query: StatsQuery,
    plan: StatsPlan,
    reading: Reading & { sample: Sample },
    reads: Reads,
  ): Promise<StatsAnswer> {
    const all = query.limit === undefined && query.order.length === 0;
    const table = sampleTable(reading.sample);
    const first = all ? [] : await reads.of('stats', table)<Row>(sqlOf(query, plan, reading));
    const listed = first.map((row) => toStatsRow(query, row));
    const every = all ? query : { ...sameGroups(query, listed, query.range), order: [] };
    const parts = await reads.of('stats_parts', table)<Row>(sqlOf(every, plan, { ...reading, spread: SPREAD }));
    const partRows = parts.map((row): PartRow => ({
      ...toStatsRow(query, row),
      part: Number(row['part']),
      doubled: Number(row['doubled']) / Math.max(1, Number(row['who'])),
    }));
    const rows = all ? partRows.filter(({ part }) => part < 0) : listed;
    return {
      rows: rows.map((row) => grown(query, row, reading.sample.of)),
      account: {
        approximate: query.metrics,
        sampleFraction: 1 / reading.sample.of,
        relativeError: errorsOf(query, rows, partRows),
      },
    };
  }
}

/** A question as a statement about raw events. */
const sqlOf = (query: StatsQuery, plan: StatsPlan, reading: Reading): Sql =>
  isOverview(query, plan) ? overviewSql(query, reading) : statsSql(query, plan, reading);

/** States are merged by as many threads as there are; by itself the engine takes one for so few rows. */
const PARALLEL = { merge_tree_min_rows_for_concurrent_read: '1', merge_tree_min_bytes_for_concurrent_read: '1' };

/** A row of the engine (`g0…`, `m0…`) as a row of the answer. */
export const toStatsRow = (query: StatsQuery, row: Row): StatsRow => ({
  groups: query.groupings.map((_, at) => row[`g${at}`] as string | number),
  values: query.metrics.map((name, at) => metricOf(name).read(row[`m${at}`])),
});

/** Derived rows as an answer. Only counts of many visitors are estimates; all else was added up. */
const ofRolled = (query: StatsQuery, { rows: found, other, precision }: RolledRows): StatsAnswer => {
  const rows = found.map((row) => toStatsRow(query, row));
  const visitors = query.metrics.indexOf('visitors');
  const estimated = rows.some(({ values }) => Number(values[visitors] ?? 0) > EXACT_UP_TO[precision]);
  const account: Account = estimated
    ? { approximate: ['visitors'], relativeError: { visitors: STATE_ERROR[precision] } }
    : {};
  if (other === undefined) return { rows, account, derived: true };
  return { rows, account, derived: true, other: toStatsRow({ ...query, groupings: [] }, other) };
};
