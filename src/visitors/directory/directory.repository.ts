// How is the directory read? The ids of a page first, from as little of the range as holds them; then what is shown of them.
import { Injectable } from '@nestjs/common';
import { HOUR_MS, MINUTE_MS, type TimeRange } from '../../common/time-range';
import {
  type EventScope,
  type Filter,
  findRelated,
  findSessionScan,
  isSmall,
  needsOfFilter,
  STORABLE,
} from '../../events/query';
import { uint64ToHex } from '../../events/pipeline';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { Reads } from '../../platform/clickhouse/reads';
import type { Caller } from '../../platform/http/caller';
import { PeopleRepository } from '../people.repository';
import { findReach, type SomeVisitors, widenUntilWhole } from '../reach';
import {
  directoryFigures,
  type DirectoryFigures,
  type DirectoryPlace,
  directoryPage,
  type DirectoryQuestion,
  directoryRows,
  type DirectoryRow,
  isOfEvents,
  lastSurroundings,
  looksAround,
  widening,
} from './directory.queries';

/** Rows of a page, and the place of the last one where there are more. */
export interface DirectoryRows {
  readonly rows: readonly DirectoryRow[];
  readonly next?: DirectoryPlace;
}

/** A page of the directory. */
export interface DirectoryAsked extends Omit<DirectoryQuestion, 'among'> {
  readonly limit: number;
  readonly after?: DirectoryPlace;
  /** Only the persons that one of these hashes stands for. */
  readonly search?: readonly string[];
  /** The moment of asking. */
  readonly now: number;
}

/** A page looks at what has arrived by now: nearly all. With FINAL an index that leaves out nothing costs a fifth of a read. */
const ALL_ARRIVED = { ignore_data_skipping_indices: 'received_at_range' };

@Injectable()
export class DirectoryRepository {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly people: PeopleRepository,
  ) {}

  /** Up to `limit` visitors in the order asked for. @throws storeUnavailable, queryTooLarge; invalidInput for a bad pattern */
  async page(asked: DirectoryAsked, caller?: Caller): Promise<DirectoryRows> {
    const { scope, filter, search } = asked;
    const reads = new Reads(this.clickhouse, scope.project, caller);
    const among = search === undefined ? undefined : await this.#among(reads, scope.project, search);
    const small = await isSmall(reads.of('visitors_size', 'events'), scope.project);
    const places = await this.#places({ ...asked, ...(among === undefined ? {} : { among }) }, reads, small);
    if (places.length === 0) return { rows: [] };
    const shown = places.slice(0, asked.limit);
    const next = places.length > asked.limit ? shown.at(-1) : undefined;
    const ids = shown.map(({ id }) => id);
    const links = reads.of('visitors_links', 'visitor_links');
    const visitors = await this.people.visitorsOf(links, scope.project, ids);
    const rows = await this.#rows(reads, scope, filter, { ids, visitors }, small);
    const byId = new Map(rows.map((row) => [row.id, row]));
    // Who was erased in between is left out; the page still ends where it ended.
    return { rows: ids.flatMap((id) => byId.get(id) ?? []), ...(next === undefined ? {} : { next }) };
  }

  async #rows(
    reads: Reads,
    scope: EventScope,
    filter: Filter | undefined,
    { ids, visitors }: SomeVisitors,
    small: boolean,
  ): Promise<DirectoryRow[]> {
    const run = reads.of('visitors_rows', 'events', ALL_ARRIVED);
    if (visitors === undefined || !isOfEvents(filter)) {
      const sessions = await findReach(reads.of('visitors_sessions', 'events'), scope, { ids, visitors });
      return run<DirectoryRow>(directoryRows({ ...scope, sessions }, filter, ids));
    }
    if (small) return run<DirectoryRow>(directoryFigures(scope, filter, { ids, visitors }));
    let rows: DirectoryFigures[] = [];
    await widenUntilWhole(scope, async (near) => {
      rows = await run<DirectoryFigures>(directoryFigures(scope, filter, { ids, visitors }, near));
      return { before: rows.some(({ before }) => before === 1), after: rows.some(({ after }) => after === 1) };
    });
    if (rows.length === 0) return [];
    const around = await run<Pick<DirectoryRow, 'id' | 'last'>>(lastSurroundings(scope, filter, visitors, rows));
    const lastOf = new Map(around.map(({ id, last }) => [id, last]));
    // Whose last event is gone since a moment ago is being erased.
    return rows.flatMap((row) => {
      const last = lastOf.get(row.id);
      return last === undefined ? [] : { ...row, last };
    });
  }

  async #among(reads: Reads, project: number, hashes: readonly string[]) {
    const run = reads.of('visitors_links', 'visitor_links');
    const ids = await this.people.idsOf(run, project, hashes);
    return { ids, visitors: await this.people.visitorsOf(run, project, ids) };
  }

  async #places(
    asked: DirectoryAsked & Pick<DirectoryQuestion, 'among'>,
    reads: Reads,
    small: boolean,
  ): Promise<DirectoryPlace[]> {
    const run = reads.of('visitors_page', 'events', ALL_ARRIVED);
    let found = small ? undefined : ((await this.#newest(asked, reads)) ?? (await this.#spenders(asked, reads)));
    if (found !== undefined) return found;
    found = [];
    for (const range of windowsOf(asked, small)) {
      const scope = { ...asked.scope, range };
      const sessions = needsOfFilter(asked.filter).sessions
        ? small
          ? { near: STORABLE }
          : await findSessionScan(reads.of('visitors_sessions', 'events'), scope.project, range)
        : undefined;
      const question = { ...asked, scope: { ...scope, ...(sessions === undefined ? {} : { sessions }) } };
      found = await run<DirectoryPlace>(directoryPage(question, asked.limit + 1, asked.after));
      if (found.length > asked.limit) break;
    }
    return found;
  }

  /** Whoever spent most: few of all events have to do with money, and only who has one of them can have spent something.
   *  @returns undefined where that does not fill the page, or the order is another */
  async #spenders(
    asked: DirectoryAsked & Pick<DirectoryQuestion, 'among'>,
    reads: Reads,
  ): Promise<DirectoryPlace[] | undefined> {
    const { filter, order, after, among, limit, scope } = asked;
    if (order.by !== 'revenue' || !order.descending || among !== undefined || !isOfEvents(filter)) return undefined;
    if (after !== undefined && Number(after.value) <= 0) return undefined;
    const range = shownOf(asked);
    if (range.from >= range.to) return undefined;
    const run = reads.of('visitors_page', 'events', ALL_ARRIVED);
    const found = await run<DirectoryPlace>(
      directoryPage({ ...asked, scope: { ...scope, range }, spent: true }, limit + 1, after),
    );
    return found.length > limit ? found : undefined;
  }

  /** Whoever was seen first last: those seen near the end of the range, but for who was seen before. All that is read of the time before
   *  is whether these few were there.
   *  @returns undefined where that does not fill the page, or the order is another */
  async #newest(
    asked: DirectoryAsked & Pick<DirectoryQuestion, 'among'>,
    reads: Reads,
  ): Promise<DirectoryPlace[] | undefined> {
    const { filter, order, after, among, limit, now, scope } = asked;
    const { from, to } = shownOf(asked);
    if (order.by !== 'firstSeen' || !order.descending || among !== undefined || !isOfEvents(filter)) return undefined;
    const toPlace = to - (after === undefined ? Math.min(to, now) : Number(after.value));
    for (const length of NEWEST_MS) {
      const begin = to - Math.max(0, toPlace) - length;
      if (begin <= from) return undefined;
      const range = { from: begin, to };
      const related = await findRelated(reads.of('visitors_related', 'events'), scope.project, range);
      if (related === undefined) return undefined;
      const unseen = { range: { from, to: begin }, visitors: related.map(uint64ToHex) };
      const question = { ...asked, scope: { ...scope, range }, unseen };
      const run = reads.of('visitors_page', 'events', ALL_ARRIVED);
      const found = await run<DirectoryPlace>(directoryPage(question, limit + 1, after));
      if (found.length > limit) return found;
    }
    return undefined;
  }
}

/** The first window past the place: a page of a busy project; most have to look once or twice more, at little cost. */
const FIRST_MS = 3 * HOUR_MS;

/** How far back from the place it is looked for whoever was seen first last: a busy project fills a page in minutes, most do in hours. */
const NEWEST_MS = [15 * MINUTE_MS, 16 * HOUR_MS];

/** The part of the range that can be shown. */
const shownOf = ({ scope }: DirectoryAsked): TimeRange => ({
  from: Math.max(scope.range.from, scope.since ?? scope.range.from),
  to: scope.range.to,
});

/** Reads to look in one after the other, each holding the one before. Who is first by time is found near an end of the range, and
 *  whoever was seen near the end was last seen there; any other order takes all of it.
 *  @param atOnce all in one */
function* windowsOf(asked: DirectoryAsked & Pick<DirectoryQuestion, 'among'>, atOnce: boolean) {
  const { filter, order, after, among, now } = asked;
  const range = shownOf(asked);
  if (range.from >= range.to) return;
  const newest = order.by === 'lastSeen' && order.descending;
  const oldest = order.by === 'firstSeen' && !order.descending;
  if (atOnce || (!newest && !oldest) || looksAround(filter) || among !== undefined) {
    yield range;
    return;
  }
  const seen = after === undefined ? (newest ? Math.min(range.to, now) : range.from) : Number(after.value);
  const toPlace = newest ? Math.max(0, range.to - seen) : Math.max(0, seen - range.from);
  yield* widening(range, newest, toPlace + FIRST_MS);
}
