// How do answers come out of the warehouse? From derived rows, from a sample of raw events, or from all of them: whatever does.
import { Injectable } from '@nestjs/common';
import { RollupSnapshots } from '../aggregation';
import type { TimeRange } from '../common/time-range';
import { ChangeLog } from '../events/changes';
import { findSessionScan, type RunQuery } from '../events/query';
import { ClickHouse, type QueryCost } from '../platform/clickhouse/clickhouse';
import type { Caller } from '../platform/http/caller';
import { metricOf } from './metrics';
import { RolledRepository, type RolledRows } from './rolled/rolled.repository';
import { EXACT_UP_TO, STATE_ERROR } from './rolled/rolled.queries';
import { errorsOf, grown, type PartRow, sampleFor, SPREAD } from './sampling';
import { planOf, type StatsPlan } from './stats.plan';
import { firstEvent, type Reading, shownRange, statsSql } from './stats.queries';
import { sameGroups } from './stats.inquiry';
import type { Account, Cost, StatsAnswer, StatsQuery, StatsRow } from './stats.types';

type Row = Record<string, unknown>;
type NamedRun = (purpose: string, table: string) => RunQuery;

@Injectable()
export class StatsRepository {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly rolled: RolledRepository,
    private readonly snapshots: RollupSnapshots,
    private readonly changes: ChangeLog,
  ) {}

  /** The answer to a question, in its order.
   *  @param zone of the project, whose local days derived rows follow
   *  @throws storeUnavailable, queryTooLarge; invalidInput for a pattern that RE2 does not take */
  async answer(query: StatsQuery, zone: string, caller?: Caller): Promise<StatsAnswer> {
    const costs: (QueryCost & { table: string })[] = [];
    const run: NamedRun = (purpose, table) => (sql) =>
      this.clickhouse.rows(sql, {
        purpose,
        project: query.project,
        ...caller,
        account: (cost) => costs.push({ ...cost, table }),
        ...(table === 'rollup' ? { settings: PARALLEL } : {}),
      });
    const began = performance.now();
    const answer = await this.#answer(query, zone, run);
    const cost = explained(costs, performance.now() - began);
    return { ...answer, account: { ...answer.account, ...(query.explain === true ? { explain: cost } : {}) }, cost };
  }

  async #answer(query: StatsQuery, zone: string, run: NamedRun): Promise<StatsAnswer> {
    // What is owed to Postgres is in raw events alone.
    const auto = query.precision !== 'exact' && !this.changes.owes(query.project);
    const rolled = auto ? await this.rolled.rows(query, zone, run('stats_rollup', 'rollup')) : undefined;
    if (rolled !== undefined) return ofRolled(query, rolled);
    const plan = planOf(query);
    const sample = auto ? sampleFor(query, plan, await this.#eventsIn(query, zone)) : undefined;
    const scan = plan.needs.sessions
      ? await findSessionScan(run('stats_sessions', 'events'), query.project, query.range, sample)
      : undefined;
    if (sample !== undefined) return this.#estimated(query, plan, { scan, sample }, run);
    const found = await run('stats', 'events')<Row>(statsSql(query, plan, { scan }));
    return { rows: found.map((row) => toStatsRow(query, row)), account: {} };
  }

  /** A sample's rows, for all visitors, with their error. Where only the first of many rows are asked for they are found first. */
  async #estimated(
    query: StatsQuery,
    plan: StatsPlan,
    reading: Reading & { sample: number },
    run: NamedRun,
  ): Promise<StatsAnswer> {
    const all = query.limit === undefined && query.order.length === 0;
    const first = all ? [] : await run('stats', 'events')<Row>(statsSql(query, plan, reading));
    const listed = first.map((row) => toStatsRow(query, row));
    const every = all ? query : { ...sameGroups(query, listed, query.range), order: [] };
    const parts = await run('stats_parts', 'events')<Row>(statsSql(every, plan, { ...reading, spread: SPREAD }));
    const partRows = parts.map((row): PartRow => ({
      ...toStatsRow(query, row),
      part: Number(row['part']),
      doubled: Number(row['doubled']) / Math.max(1, Number(row['who'])),
    }));
    const rows = all ? partRows.filter(({ part }) => part < 0) : listed;
    return {
      rows: rows.map((row) => grown(query, row, reading.sample)),
      account: {
        approximate: query.metrics,
        sampleFraction: 1 / reading.sample,
        relativeError: errorsOf(query, rows, partRows),
      },
    };
  }

  /** Events in the range, about; 0 where nobody counted them. */
  async #eventsIn(query: StatsQuery, zone: string): Promise<number> {
    const range = shownRange(query);
    if (range.from >= range.to) return 0;
    const snapshot = await this.snapshots.of(query.project, zone, range);
    return (snapshot?.cells ?? []).reduce((sum, cell) => sum + cell.events * shareOf(cell, range), 0);
  }

  /** When the project's first event was, in milliseconds; undefined when it has none.
   *  @param since older ones are not shown
   *  @throws storeUnavailable */
  async firstEventAt(project: number, since?: number): Promise<number | undefined> {
    const [first] = await this.clickhouse.rows<{ at: number; found: number }>(firstEvent(project, since), {
      purpose: 'stats_first_event',
      project,
    });
    return first?.found === 1 ? first.at : undefined;
  }
}

/** States are merged by as many threads as there are; by itself the engine takes one for so few rows. */
const PARALLEL = { merge_tree_min_rows_for_concurrent_read: '1', merge_tree_min_bytes_for_concurrent_read: '1' };

const shareOf = (cell: TimeRange, { from, to }: TimeRange): number =>
  (Math.min(cell.to, to) - Math.max(cell.from, from)) / (cell.to - cell.from);

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

const explained = (costs: readonly (QueryCost & { table: string })[], ms: number): Cost => ({
  parts: costs.map(({ purpose, table, rows, bytes, elapsedMs }) => ({
    name: purpose,
    table,
    rows,
    bytes,
    ms: Math.round(elapsedMs),
  })),
  rows: costs.reduce((sum, { rows }) => sum + rows, 0),
  bytes: costs.reduce((sum, { bytes }) => sum + bytes, 0),
  ms: Math.round(ms),
});
