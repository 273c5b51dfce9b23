// How is a question answered from derived rows? What they hold from them, the rest from raw events, and nothing in between.
import { Injectable } from '@nestjs/common';
import { findExtent, RollupSnapshots, type RollupSnapshot } from '../../aggregation';
import { DAY_MS, type TimeRange } from '../../common/time-range';
import {
  findRelated,
  findSessionScan,
  hasNamed,
  NAMED_GAP_MS,
  type RunQuery,
  SESSION_GAP_MS,
  STORABLE,
} from '../../events/query';
import { bucketsOf, shownRange } from '../stats.queries';
import { planOf } from '../stats.plan';
import type { StatsQuery } from '../stats.types';
import { firstRows, type RankedValue } from './first-rows';
import { type Asked, isDerivable, piecesOf } from './pieces';
import { type RolledQuestion, rolledQuestion } from './question';
import { rollingDays } from './rolling';
import { type RankedBy, rankedValues } from './rank.queries';
import { isOneCell, precisionOf, type RolledSources, rolledSql, STATE_ERROR, type Tail } from './rolled.queries';

type Row = Record<string, unknown>;

/** What derived rows gave. */
export interface RolledRows {
  readonly rows: readonly Row[];
  /** Figures that belong to no listed value, where there are any. */
  readonly other: Row | undefined;
  /** Precision of visitors; see `EXACT_UP_TO`. */
  readonly precision: 12 | 14;
}

/** A change of a stretch further away than this touches no session of a range: none lasts for a week. */
export const FAR_MS = 7 * DAY_MS;
/** Visitors of the tail that are listed one by one. */
const LISTED = 20_000;
const TRIES = 3;
/** Dimensions of a few hundred values at the most, as the world has no more countries: for a list of so many first values all are read at once. */
const SMALL: ReadonlySet<string> = new Set(['country', 'device', 'browser', 'os', 'channel']);
const FEWEST_OF_SMALL = 50;
/** Figures that are sums of what each cell says, so that they can be compared before states are read. */
const RANKS: ReadonlyMap<string, RankedBy> = new Map([
  ['visitors', 'upper'],
  ['sessions', 'begun'],
  ['pageviews', 'views'],
  ['events', 'hits'],
]);

@Injectable()
export class RolledRepository {
  constructor(private readonly snapshots: RollupSnapshots) {}

  /** Rows of a question as of one moment, with all that was stored before it.
   *  @param zone of the project, whose local days are kept
   *  @returns undefined where derived rows can't answer it, or have nothing of it
   *  @throws what `run` throws */
  async rows(query: StatsQuery, zone: string, run: RunQuery): Promise<RolledRows | undefined> {
    const asked = rolledQuestion(query);
    if (asked === undefined) return undefined;
    for (let tries = 0; tries < TRIES; tries += 1) {
      const snapshot = await this.snapshots.of(query.project, zone, query.range);
      if (snapshot === undefined) return undefined;
      const found = await findSources(query, asked, snapshot, run);
      if (found === undefined) return undefined;
      const sources = { ...found, rolling: await this.#rolling(query, found) };
      const answer = await read(query, sources, run);
      if (!(await this.#changedSince(snapshot, query, zone))) return answer;
    }
    // Events come in behind the horizon faster than an answer is read: raw ones are always of one moment.
    return undefined;
  }

  /** Visitors of buckets that are days of another zone. */
  async #rolling(query: StatsQuery, { asked, pieces }: Found): Promise<ReadonlyMap<number, number>> {
    const timed = query.groupings[asked.byTime];
    if (timed?.kind !== 'time' || asked.dimension !== undefined || !query.metrics.includes('visitors'))
      return new Map();
    const days = rollingDays(bucketsOf(query, timed.interval), shownRange(query), pieces);
    return days.length === 0 ? new Map() : this.snapshots.rollingVisitors(query.project, days);
  }

  /** Whether something that was read as derived became stale while it was read. */
  async #changedSince(before: RollupSnapshot, query: StatsQuery, zone: string): Promise<boolean> {
    if ((await this.snapshots.revisionOf(query.project)) === before.revision) return false;
    const now = await this.snapshots.of(query.project, zone, query.range);
    const known = (range: TimeRange): boolean =>
      before.stale.some(({ from, to }) => from <= range.from && range.to <= to) || range.from >= before.horizon;
    return now === undefined || !now.stale.filter((range) => isNear(range, query.range)).every(known);
  }
}

const isNear = (stale: TimeRange, { from, to }: TimeRange): boolean =>
  stale.from < to + FAR_MS && stale.to > from - FAR_MS;

/** Sources without what is counted of days. */
type Found = Omit<RolledSources, 'rolling'>;

/** Where the question's sums are to come from. */
async function findSources(
  query: StatsQuery,
  asked: RolledQuestion,
  snapshot: RollupSnapshot,
  run: RunQuery,
): Promise<Found | undefined> {
  const bounds = boundsOf(query, asked);
  // Before anything is asked of the warehouse: of the last minutes, and of small projects, nothing is derived.
  if (!isDerivable(bounds, snapshot)) return undefined;
  const stale = snapshot.stale.filter((range) => range.from < snapshot.horizon && isNear(range, query.range));
  const [closures, cut] = await Promise.all([
    Promise.all(stale.map((range) => findExtent(run, query.project, range, snapshot.horizon))),
    findCut(query, run),
  ]);
  const tail = await findTail(query, { ...snapshot, openFrom: openSince(snapshot, closures) }, run);
  const changed = tail === undefined ? [] : await findChanged(query, tail, run);
  const pieces = piecesOf(bounds, snapshot, [...closures, ...cut, ...changed]);
  if (pieces === undefined) return undefined;
  const needsSessions = planOf(query).sides.includes('sessions');
  const raw = await Promise.all(
    pieces.raw.map(async (range) => ({
      range,
      scan: needsSessions ? await findSessionScan(run, query.project, range) : { near: range },
    })),
  );
  return { asked, pieces, raw, tail };
}

/** The earliest beginning of a session that may go on beyond the horizon. What is derived does not know of those that an event which came
 *  late has made: they are told by what is stale. */
const openSince = ({ horizon, openFrom }: RollupSnapshot, closures: readonly TimeRange[]): number =>
  Math.min(openFrom, ...closures.filter(({ to }) => to >= horizon - NAMED_GAP_MS).map(({ from }) => from));

const boundsOf = (query: StatsQuery, { dimension, byTime }: RolledQuestion): Asked => {
  const timed = query.groupings[byTime];
  const bounds = timed?.kind === 'time' ? bucketsOf(query, timed.interval) : [];
  return { range: shownRange(query), bounds, dimension };
};

/** Where sessions begin for a reader of which what is derived knows earlier events, as they are not shown any more: a session that
 *  goes on past that moment does so within its gap. */
async function findCut({ project, range, since }: StatsQuery, run: RunQuery): Promise<TimeRange[]> {
  if (since === undefined || since + NAMED_GAP_MS < range.from) return [];
  const [named] = await run<{ found: number }>(hasNamed(project, since));
  return [{ from: since, to: since + (named?.found === 1 ? NAMED_GAP_MS : SESSION_GAP_MS) + 1 }];
}

/** What came after the horizon and counts here; undefined where nothing did. Of a range that ends before the horizon only sessions
 *  count that go on beyond it, as somebody was there shortly before and is there shortly after. */
async function findTail(
  { project, range }: StatsQuery,
  { horizon, openFrom }: RollupSnapshot,
  run: RunQuery,
): Promise<Tail | undefined> {
  if (range.to <= openFrom) return undefined;
  const after = { from: horizon, to: Math.max(range.to, horizon + NAMED_GAP_MS) };
  const before = range.to > horizon ? undefined : { from: openFrom, to: horizon };
  const related = await findRelated(run, project, after, LISTED, before);
  if (related?.length === 0) return undefined;
  const near = { from: openFrom, to: STORABLE.to };
  return { horizon, scan: { near, related: related ?? { seenIn: after } } };
}

/** Where derived rows name first or last pages of sessions that have others by now, as these went on after the horizon. What such a row counts
 *  of a value can't be taken from it: visitors can only be added. */
async function findChanged(query: StatsQuery, { horizon }: Tail, run: RunQuery): Promise<TimeRange[]> {
  if (planOf(query).needs.ends !== true) return [];
  const after = { from: horizon, to: horizon + NAMED_GAP_MS };
  const { from } = await findExtent(run, query.project, after, STORABLE.to);
  return from < horizon ? [{ from, to: horizon }] : [];
}

/** A value with its rank, and whether months have its states. */
interface Ranked extends RankedValue {
  readonly stated: 0 | 1;
}
const valueOf = ({ value }: Ranked): string => value;

async function read(query: StatsQuery, sources: RolledSources, run: RunQuery): Promise<RolledRows> {
  const found: { other?: Row } = {};
  const rowsOf = async (ranked?: readonly Ranked[]): Promise<Row[]> => {
    const inMonths = sources.pieces.counted.length > 0 ? ranked?.filter(({ stated }) => stated === 1) : [];
    const among = ranked && { values: ranked.map(valueOf), stated: inMonths?.map(valueOf) ?? [] };
    const rows = await run<Row>(rolledSql(query, sources, among));
    const [first] = rows;
    if (first?.['beyond'] !== 1) return rows.slice(0, query.limit);
    found.other = first;
    return rows.slice(1);
  };
  const rows = await readRows(query, sources, run, rowsOf);
  return { rows, other: found.other, precision: precisionOf(sources) };
}

/** Rows in order. Where only the first of many values are asked for, states are read of those alone that can be among them. */
async function readRows(
  query: StatsQuery,
  sources: RolledSources,
  run: RunQuery,
  rowsOf: (ranked?: readonly Ranked[]) => Promise<Row[]>,
): Promise<Row[]> {
  const { limit } = query;
  const rank = rankOf(query);
  if (rank === undefined || limit === undefined || query.groupings.length !== 1 || sources.asked.byValue !== 0)
    return rowsOf();
  if (SMALL.has(sources.asked.dimension ?? '') && limit >= FEWEST_OF_SMALL) return rowsOf();
  // Of one cell these figures lie together in its order, and no look before would make them fewer.
  if (isOneCell(sources) && query.metrics.every((name) => RANKS.has(name))) return rowsOf();
  const { by, figure } = rank;
  return firstRows<Ranked, Row>({
    limit,
    // Merged states may say a little more than the sum of what they say alone.
    slack: by === 'upper' ? 1 + 2 * STATE_ERROR[precisionOf(sources)] : 1,
    figureOf: (row) => Number(row[figure]),
    values: (count) => run<Ranked>(rankedValues(query, sources, by, count)),
    rows: rowsOf,
  });
}

/** By what values can be compared beforehand, and the column of the metric that they are sorted by. */
const rankOf = ({ order: [first], metrics }: StatsQuery): { by: RankedBy; figure: string } | undefined => {
  if (first === undefined || !('metric' in first.column) || !first.descending) return undefined;
  const by = RANKS.get(metrics[first.column.metric] ?? '');
  return by === undefined ? undefined : { by, figure: `m${first.column.metric}` };
};
