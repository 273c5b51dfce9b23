// Which figures are there, and how is each computed? One entry a metric: what it adds up per session, and what it makes of the sums.
import { sql, type Sql } from '../platform/clickhouse/sql';
import { PLAIN, type Needs } from '../events/query';
import { moneyText } from '../common/money';
import type { MetricValue } from './stats.types';

/** What a metric counts: selected events in the range, or sessions that began in the range and hold a selected event. */
export type Side = 'events' | 'sessions';

/** One metric. SQL is written over two levels: `parts` are summed per group and session, `total` sums those per group. */
export interface Metric {
  readonly name: string;
  readonly side: Side;
  readonly needs: Needs;
  /** Columns of the inner level, by their alias; equal aliases are equal columns. */
  readonly parts: Readonly<Record<string, Sql>>;
  /** The value of a group, over rows of the inner level; `side` is 0 for events and 1 for sessions. */
  readonly total: Sql;
  /** Whether rows can be sorted by it. */
  readonly sortable: boolean;
  /** The value out of what the engine answers. */
  readonly read: (raw: unknown) => MetricValue;
  /** The value where nothing was counted. */
  readonly zero: () => MetricValue;
}

const IDENTITY: Needs = { identity: true, sessions: false };
const SESSIONS: Needs = { identity: true, sessions: true };

const number = (
  name: string,
  side: Side,
  needs: Needs,
  parts: Readonly<Record<string, Sql>>,
  total: Sql,
): [string, Metric] => [
  name,
  { name, side, needs, parts, total, sortable: true, read: (raw) => Number(raw), zero: () => 0 },
];

const hits = sql`count()`;
const views = sql`countIf(name = 'pageview')`;
/** What all rows of a session agree about. */
const wholeViews = sql`any(session_pageviews)`;
const wholeEvents = sql`any(session_events)`;
const lengthMs = sql`any(dateDiff('millisecond', session_began, session_ended))`;
const sessions = sql`countIf(side = 1)`;
/** A mean over sessions; 0 where there are none. */
const perSession = (sum: Sql): Sql => sql`if(${sessions} = 0, 0, ${sum} / ${sessions})`;

const revenue: Metric = {
  name: 'revenue',
  side: 'events',
  needs: PLAIN,
  // 38 digits, so that no sum of 18-digit amounts runs over.
  parts: { money: sql`sumMapIf(map(currency, toDecimal128(revenue, 4)), currency != '')` },
  total: sql`mapApply((currency, amount) -> (currency, toString(amount)), sumMapIf(money, side = 0))`,
  sortable: false,
  read: (raw) =>
    Object.entries(raw as Record<string, string>)
      .map(([currency, amount]) => ({ currency, amount: moneyText(amount) }))
      .sort((a, b) => (a.currency < b.currency ? -1 : 1)),
  zero: () => [],
};

const registry: ReadonlyMap<string, Metric> = new Map([
  number('visitors', 'events', IDENTITY, {}, sql`uniqExactIf(identity, side = 0)`),
  number('sessions', 'sessions', SESSIONS, {}, sessions),
  number('pageviews', 'events', PLAIN, { views }, sql`sumIf(views, side = 0)`),
  number('events', 'events', PLAIN, { hits }, sql`sumIf(hits, side = 0)`),
  number(
    'viewsPerSession',
    'sessions',
    SESSIONS,
    { whole_views: wholeViews },
    perSession(sql`sumIf(whole_views, side = 1)`),
  ),
  number(
    'bounceRate',
    'sessions',
    SESSIONS,
    { whole_views: wholeViews, whole_events: wholeEvents },
    perSession(sql`countIf(side = 1 AND whole_views = 1 AND whole_events = 1)`),
  ),
  // Summed in whole milliseconds and divided once: a mean of 0.1 s steps would drift.
  number(
    'sessionDuration',
    'sessions',
    SESSIONS,
    { length_ms: lengthMs },
    sql`if(${sessions} = 0, 0, sumIf(length_ms, side = 1) / (1000 * ${sessions}))`,
  ),
  ['revenue', revenue],
]);

/** Names of all metrics. */
export const METRICS: readonly string[] = [...registry.keys()];

/** The metrics of the overview. */
export const OVERVIEW_METRICS: readonly string[] = [
  'visitors',
  'sessions',
  'pageviews',
  'events',
  'viewsPerSession',
  'bounceRate',
  'sessionDuration',
  'revenue',
];

/** The metric of a name; undefined for names that there are none of. */
export const findMetric = (name: string): Metric | undefined => registry.get(name);

/** The metric of a name that was checked. */
export const metricOf = (name: string): Metric => {
  const metric = findMetric(name);
  if (metric === undefined) throw new Error('A query that was not parsed has an unknown metric');
  return metric;
};
