// How are the figures of a whole range read where sessions count? In one pass: a list of times for each visitor holds all that they ask of it.
import { during, sessionEvents, sessionGap, storable } from '../events/query';
import { int64, join, nothing, sql, uint32, type Sql } from '../platform/clickhouse/sql';
import { OVERVIEW_METRICS } from './metrics';
import type { StatsPlan } from './stats.plan';
import { column, order, partColumns, type Reading, scopeOf, selects } from './stats.queries';
import type { StatsQuery } from './stats.types';

/** Whether a question is one of a whole range that `overviewSql` can put. */
export const isOverview = ({ metrics, groupings, after }: StatsQuery, { needs, sides, outOf }: StatsPlan): boolean =>
  groupings.length === 0 &&
  after === undefined &&
  outOf === undefined &&
  needs.ends !== true &&
  sides.includes('sessions') &&
  metrics.every((name) => OVERVIEW_METRICS.includes(name));

// An event as one number, as lists of tuples cost the engine more: its time, whether it is selected, whether it is a pageview.
const mark = sql`bitShiftLeft(toUnixTimestamp64Milli(ts), 2) + bitShiftLeft(toInt64(selected), 1) + (name = 'pageview')`;
const msOf = (of: Sql): Sql => sql`bitShiftRight(${of}, 2)`;
const isSelected = sql`bitTest(event, 1)`;
const viewsOf = (part: Sql): Sql => sql`arraySum(event -> bitTest(event, 0), ${part})`;

const begun = sql`sum(length(begun))`;
const perSession = (of: Sql): Sql => sql`if(${begun} = 0, 0, sum(${of}) / ${begun})`;

/** What each metric makes of the lists: `begun` is one of the sessions that count, each a list of marks. */
const totals: Readonly<Record<string, Sql>> = {
  visitors: sql`uniqExactIf(identity, hits > 0)`,
  sessions: begun,
  pageviews: sql`sum(views)`,
  events: sql`sum(hits)`,
  viewsPerSession: perSession(sql`arraySum(part -> ${viewsOf(sql`part`)}, begun)`),
  bounceRate: perSession(sql`arrayCount(part -> length(part) = 1 AND bitTest(part[1], 0), begun)`),
  // Divided once, as wherever this is computed: twice could end in another last digit.
  sessionDuration: sql`if(${begun} = 0, 0, sum(arraySum(part -> ${msOf(sql`part[-1]`)} - ${msOf(sql`part[1]`)}, begun)) / (1000 * ${begun}))`,
  revenue: sql`mapApply((currency, amount) -> (currency, toString(amount)), sumMap(money))`,
};

/** The row of such a question, `m0…`: what `statsSql` says, at half to two thirds of its cost, as nothing is joined back to events.
 *  With `spread` also one for each part. */
export const overviewSql = (query: StatsQuery, { scan, sample, spread }: Reading): Sql => {
  const { project, metrics, range } = query;
  const scope = {
    ...scopeOf(query),
    ...(scan === undefined ? {} : { sessions: scan }),
    ...(sample === undefined ? {} : { sample }),
  };
  const lists = sql`
    SELECT identity, session_id, arraySort(groupArray(${mark})) AS events, countIf(counted) AS hits, countIf(counted AND name = 'pageview') AS views,
      sumMapIf(map(currency, toDecimal128(revenue, 4)), counted AND currency != '') AS money
    FROM (
      SELECT *, ${selects(query, scope)} AS selected, selected AND ${during(range)} AS counted
      FROM ${sessionEvents(scope)})
    GROUP BY identity, session_id
    HAVING max(selected) = 1`;
  const cut = sql`
    SELECT identity, hits, views, money,
      arraySplit((event, silence) -> silence > ${sessionGap}, events, arrayDifference(arrayMap(event -> ${msOf(sql`event`)}, events))) AS parts
    FROM (${lists})`;
  const [from, to] = [range.from, range.to].map((at) => int64(storable(at)));
  const counted = sql`
    SELECT *, arrayFilter(part -> ${msOf(sql`part[1]`)} >= ${from ?? nothing} AND ${msOf(sql`part[1]`)} < ${to ?? nothing}
        AND arrayExists(event -> ${isSelected}, part), parts) AS begun${
          spread === undefined ? nothing : sql`, cityHash64(identity) % ${uint32(spread)} AS part_of`
        }
    FROM (${cut})`;
  const columns = [
    ...(spread === undefined ? [] : partColumns(project)),
    ...metrics.map((name, at) => sql`${totals[name] ?? nothing} AS ${column('m', at)}`),
  ];
  return sql`
    SELECT ${join(columns, ', ')}
    FROM (${counted})
    WHERE hits > 0 OR notEmpty(begun)
    ${spread === undefined ? nothing : sql`GROUP BY GROUPING SETS ((), (part_of))`}
    ${order(query)}
    ${query.limit === undefined ? nothing : sql`LIMIT ${uint32(query.limit)}`}`;
};
