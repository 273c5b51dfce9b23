// Which SQL answers who was there? The ids of a page of the directory, then what is shown of each. Pure.
import type { TimeRange } from '../../common/time-range';
import { hexOf } from '../../events';
import {
  bothNeed,
  during,
  eventSource,
  type EventScope,
  type Filter,
  filterSql,
  firstLinks,
  needsOfFilter,
  PLAIN,
  sessionGap,
  STORABLE,
  storable,
  within,
} from '../../events/query';
import { Bound, hash, int64, join, nothing, type Sql, sql, text, uint32 } from '../../platform/clickhouse/sql';
import { eventOrder, revenueOf, surroundings } from '../columns';
import { hashList } from '../people.queries';

/** By what the directory can be sorted. */
export const SORTS = ['lastSeen', 'firstSeen', 'events', 'pageviews', 'revenue'] as const;

/** One of them. */
export type SortName = (typeof SORTS)[number];

/** An order of the directory. */
export interface DirectoryOrder {
  readonly by: SortName;
  readonly descending: boolean;
  /** Of revenue: in which currency. */
  readonly currency?: string;
}

/** Which visitors. */
export interface DirectoryQuestion {
  readonly scope: EventScope;
  readonly filter?: Filter;
  readonly order: DirectoryOrder;
  /** Only these persons, and the visitors to read for them (undefined: all). */
  readonly among?: { readonly ids: readonly string[]; readonly visitors: readonly string[] | undefined };
  /** Of an order by revenue: only who spent something, more than was given back. */
  readonly spent?: boolean;
  /** Nobody who has a selected event in this range; `visitors` are all that belong to whoever has one in the range of the scope. */
  readonly unseen?: { readonly range: TimeRange; readonly visitors: readonly string[] };
}

/** Place in the directory: the sort value as decimal text, then the id. */
export interface DirectoryPlace {
  readonly value: string;
  readonly id: string;
}

interface SortColumn {
  /** Of some events of a visitor. */
  readonly part: Sql;
  /** Of its parts. */
  readonly whole: Sql;
  /** A value of a cursor. */
  readonly bind: (value: string) => Bound;
}

const integer = (value: string): Bound => int64(BigInt(value));
const views = sql`countIf(name = 'pageview')`;

const sortColumn = ({ by, currency = '' }: DirectoryOrder): SortColumn => {
  switch (by) {
    case 'lastSeen':
      return { part: sql`max(toUnixTimestamp64Milli(ts))`, whole: sql`max(part)`, bind: integer };
    case 'firstSeen':
      return { part: sql`min(toUnixTimestamp64Milli(ts))`, whole: sql`min(part)`, bind: integer };
    case 'events':
      return { part: sql`count()`, whole: sql`sum(part)`, bind: integer };
    case 'pageviews':
      return { part: views, whole: sql`sum(part)`, bind: integer };
    case 'revenue':
      return {
        // Half the work of sumIf, which adds decimals one by one.
        part: sql`sum(if(currency = ${text(currency)}, revenue, toDecimal64(0, 4)))`,
        whole: sql`sum(part)`,
        bind: (value) => new Bound('Decimal(38, 4)', value),
      };
  }
};

/** Below this a range's own visitors are fewer than all that have links. */
const SHORT_MS = 2 * 86_400_000;

/** Events of the range that are selected, grouped as far as can be before links are looked at: rows (identity, part). */
const parts = ({ scope, filter, among, order, spent = false }: DirectoryQuestion): Sql => {
  const needs = needsOfFilter(filter);
  const { part } = sortColumn(order);
  const only = among?.visitors === undefined ? nothing : sql` AND visitor_id IN ${hashList(among.visitors)}`;
  const paid = spent ? sql` AND currency = ${text(order.currency ?? '')}` : nothing;
  const where = sql`WHERE ${during(scope.range)}${only}${paid} AND ${filterSql(filter, scope)}`;
  if (needs.identity || needs.sessions)
    return sql`(SELECT identity, ${part} AS part FROM ${eventSource(scope, bothNeed(needs, { identity: true, sessions: false }))} ${where} GROUP BY identity)`;
  const { from, to } = scope.range;
  const linked =
    among?.visitors !== undefined
      ? sql`visitor_id IN ${hashList(among.visitors)}`
      : to - from > SHORT_MS
        ? undefined
        : sql`visitor_id IN (SELECT visitor_id FROM events WHERE ${within(scope.project, scope.range)})`;
  // One number to group by: two are a quarter slower. A user's hash is never that of a visitor with a link to somebody else.
  return sql`(
    SELECT if(linked_user != 0, linked_user, somebody) AS identity, part
    FROM (SELECT if(user_id != 0, user_id, visitor_id) AS somebody, ${part} AS part FROM ${eventSource(scope, PLAIN)} ${where} GROUP BY somebody) AS seen
    ANY LEFT JOIN (SELECT visitor_id AS somebody, linked_user FROM ${firstLinks(scope.project, linked)}) AS links USING (somebody))`;
};

/** Ids of a page: rows { id, value }, the value as decimal text.
 *  @param after the last one that was seen */
export const directoryPage = (question: DirectoryQuestion, limit: number, after?: DirectoryPlace): Sql => {
  const { order, among, scope, unseen, spent = false } = question;
  const conditions = [
    ...(among === undefined ? [] : [sql`identity IN ${hashList(among.ids)}`]),
    ...(unseen === undefined
      ? []
      : [
          sql`identity NOT IN (SELECT identity FROM ${parts({
            ...question,
            scope: { ...scope, range: unseen.range },
            among: { ids: [], visitors: unseen.visitors },
          })})`,
        ]),
  ];
  const { whole, bind } = sortColumn(order);
  const direction = order.descending ? sql`DESC` : sql`ASC`;
  const sign = order.descending ? sql`<` : sql`>`;
  const beyond = (place: DirectoryPlace): Sql =>
    sql`(sorted ${sign} ${bind(place.value)} OR (sorted = ${bind(place.value)} AND identity ${sign} ${hash(place.id)}))`;
  return sql`SELECT ${hexOf(sql`identity`)} AS id, toString(sorted) AS value
FROM (
  SELECT identity, ${whole} AS sorted
  FROM ${parts(question)}
  ${conditions.length === 0 ? nothing : sql`WHERE ${join(conditions, ' AND ')}`}
  GROUP BY identity)
WHERE ${after === undefined ? sql`1` : beyond(after)}${spent ? sql` AND sorted > 0` : nothing}
ORDER BY sorted ${direction}, identity ${direction}
LIMIT ${uint32(limit)}`;
};

/** A row of `directoryRows`; times in milliseconds. */
export interface DirectoryRow {
  id: string;
  firstMs: number;
  lastMs: number;
  total: number;
  views: number;
  visits: number;
  money: Record<string, string>;
  last: string[];
  isUser: number;
}

/** What is shown of these visitors: rows of `DirectoryRow`. Sessions are those that began in the range and hold a selected event.
 *  @param scope with the sessions of these visitors */
export const directoryRows = (scope: EventScope, filter: Filter | undefined, ids: readonly string[]): Sql => {
  const here = during(scope.range);
  const needs = bothNeed({ identity: true, sessions: true }, needsOfFilter(filter));
  return sql`SELECT ${hexOf(sql`identity`)} AS id,
  toUnixTimestamp64Milli(minIf(ts, ${here})) AS firstMs, toUnixTimestamp64Milli(maxIf(ts, ${here})) AS lastMs,
  countIf(${here}) AS total, countIf(${here} AND name = 'pageview') AS views,
  uniqExactIf((session_id, session_began), ${during(scope.range, sql`session_began`)}) AS visits,
  ${revenueOf(here)} AS money,
  argMaxIf(${surroundings}, ${eventOrder}, ${here}) AS last,
  max(user_id = identity OR visitor_id != identity) AS isUser
FROM ${eventSource(scope, needs)}
WHERE identity IN ${hashList(ids)} AND ${filterSql(filter, scope)}
GROUP BY identity
HAVING total > 0`;
};

/** A row of `directoryFigures` of a part of what there is: also whether a session of the visitor may go on beyond the read. */
export interface DirectoryFigures extends Omit<DirectoryRow, 'last'> {
  before: number;
  after: number;
}

/** The same for filters that look at nothing but single events, in one pass over the events of these visitors. An event is a number: twice
 *  its moment, and whether it is selected.
 *  @param near what is read; what lies outside the range tells sessions that begin in it from those that go on. Undefined: all there is, and
 *  the rows are whole. Otherwise where somebody was last is left to `lastSurroundings`: half a dozen texts are too wide to be read of every
 *  event, where there are many. */
export const directoryFigures = (
  scope: EventScope,
  filter: Filter | undefined,
  { ids, visitors }: { readonly ids: readonly string[]; readonly visitors: readonly string[] },
  near?: TimeRange,
): Sql => {
  const mine = sql`visitor_id IN ${hashList(visitors)}`;
  const [from, to] = [storable(scope.range.from), storable(scope.range.to)];
  const touching = sql`part[1] < ${int64(2 * to)} AND part[-1] >= ${int64(2 * from)}`;
  const cut = (read: TimeRange): Sql => sql`,
  max(arrayExists(part -> ${touching} AND part[1] <= ${int64(2 * read.from + 1)} + 2 * ${sessionGap}, parts)) AS before,
  max(arrayExists(part -> ${touching} AND part[-1] >= ${int64(2 * read.to)} - 2 * ${sessionGap}, parts)) AS after`;
  const last = sql`,
  argMaxIf(last_around, last_place, some > 0) AS last`;
  const lastOf = sql`,
      argMaxIf(${surroundings}, ${eventOrder}, counted) AS last_around, maxIf(${eventOrder}, counted) AS last_place`;
  return sql`SELECT ${hexOf(sql`identity`)} AS id,
  minIf(first_at, some > 0) AS firstMs, maxIf(last_at, some > 0) AS lastMs,
  sum(some) AS total, sum(pages) AS views,
  sum(arrayCount(part -> part[1] >= ${int64(2 * from)} AND part[1] < ${int64(2 * to)} AND arrayExists(event -> bitTest(event, 0), part), parts)) AS visits,
  mapApply((code, amount) -> (code, toString(amount)), sumMap(sums)) AS money, max(known) AS isUser${near === undefined ? last : cut(near)}
FROM (
  SELECT *, arraySplit((event, silence) -> silence > ${sessionGap}, moments, arrayDifference(arrayMap(event -> bitShiftRight(event, 1), moments))) AS parts
  FROM (
    SELECT identity, session_id,
      minIf(at, counted) AS first_at, maxIf(at, counted) AS last_at, countIf(counted) AS some,
      countIf(counted AND name = 'pageview') AS pages,
      sumMapIf(map(currency, toDecimal128(revenue, 4)), currency != '' AND counted) AS sums,
      maxIf(user_id = identity OR visitor_id != identity, selected) AS known,
      arraySort(groupArray(bitShiftLeft(at, 1) + selected)) AS moments${near === undefined ? lastOf : nothing}
    FROM (
      SELECT *, multiIf(user_id != 0, user_id, linked_user != 0, linked_user, visitor_id) AS identity,
        toUnixTimestamp64Milli(ts) AS at, ${filterSql(filter, scope)} AS selected, selected AND ${during(scope.range)} AS counted
      FROM (SELECT * FROM ${eventSource({ ...scope, range: near ?? STORABLE }, PLAIN)} WHERE ${mine}) AS seen
      LEFT JOIN ${firstLinks(scope.project, mine)} AS links USING (visitor_id))
    WHERE identity IN ${hashList(ids)}
    GROUP BY identity, session_id))
GROUP BY identity
HAVING total > 0`;
};

/** Place and device of the last events of these visitors: rows { id, last }.
 *  @param rows with the moments of those events; of one moment the order of events decides */
export const lastSurroundings = (
  scope: EventScope,
  filter: Filter | undefined,
  visitors: readonly string[],
  rows: readonly DirectoryFigures[],
): Sql => {
  const moments = [...new Set(rows.map(({ lastMs }) => lastMs))];
  const days = [...new Set(moments.map((at) => new Date(at).toISOString().slice(0, 10)))];
  const range = { from: Math.min(...moments), to: Math.max(...moments) + 1 };
  const mine = sql`visitor_id IN ${hashList(visitors)}`;
  return sql`SELECT ${hexOf(sql`identity`)} AS id, argMax(${surroundings}, ${eventOrder}) AS last
FROM (
  SELECT *, multiIf(user_id != 0, user_id, linked_user != 0, linked_user, visitor_id) AS identity
  FROM (
    SELECT * FROM ${eventSource({ ...scope, range }, PLAIN)}
    WHERE ${mine} AND toDate(ts) IN ${new Bound('Array(Date)', days)}
      AND toUnixTimestamp64Milli(ts) IN ${new Bound('Array(Int64)', moments)}) AS seen
  LEFT JOIN ${firstLinks(scope.project, mine)} AS links USING (visitor_id))
WHERE (identity, toUnixTimestamp64Milli(ts)) IN (
  SELECT arrayJoin(arrayZip(${hashList(rows.map(({ id }) => id))}, ${new Bound(
    'Array(Int64)',
    rows.map(({ lastMs }) => lastMs),
  )}))) AND ${filterSql(filter, scope)}
GROUP BY identity`;
};

/** Whether a filter looks at single events alone. */
export const isOfEvents = (filter: Filter | undefined): boolean =>
  !looksAround(filter) && !needsOfFilter(filter).sessions;

/** Whether a filter looks at what somebody did elsewhere in the range, so that no part of it can be read on its own. */
export const looksAround = (filter: Filter | undefined): boolean => {
  switch (filter?.kind) {
    case 'and':
    case 'or':
      return filter.filters.some(looksAround);
    case 'not':
      return looksAround(filter.filter);
    case 'did':
      return true;
    default:
      return false;
  }
};

/** Cuts a range into reads that begin at one of its ends, each the whole of the ones before and eight times as long. */
export function* widening({ from, to }: TimeRange, fromEnd: boolean, firstMs: number): Generator<TimeRange> {
  for (let length = firstMs; ; length *= 8) {
    const range = fromEnd ? { from: Math.max(from, to - length), to } : { from, to: Math.min(to, from + length) };
    yield range;
    if (range.from === from && range.to === to) return;
  }
}
