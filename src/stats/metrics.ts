// Which figures are there, and how is each computed? One entry a metric: what it adds up per session, and what it makes of the sums.
import { sql, type Sql } from '../platform/clickhouse/sql';
import { PLAIN, type Needs } from '../events/query';
import { moneyText } from '../common/money';
import { GOAL_METRICS } from './goal-metrics';
import type { Metric, Side } from './metric';
import { PROPERTY_METRICS, propertyMetric } from './property-metrics';

export type { Metric, Side } from './metric';

const IDENTITY: Needs = { identity: true, sessions: false };
const SESSIONS: Needs = { identity: true, sessions: true };
const ENDS: Needs = { identity: true, sessions: true, ends: true };

const number = (
  name: string,
  side: Side,
  needs: Needs,
  parts: Readonly<Record<string, Sql>>,
  total: Sql,
): [string, Metric] => [
  name,
  { name, side, needs, parts, total, sortable: true, nullable: false, read: (raw) => Number(raw), zero: () => 0 },
];

const hits = sql`count()`;
const views = sql`countIf(name = 'pageview')`;
/** What all rows of a session agree about. */
const wholeViews = sql`any(session_pageviews)`;
const wholeEvents = sql`any(session_events)`;
const lengthMs = sql`any(dateDiff('millisecond', session_began, session_ended))`;
const sessions = sql`countIf(side = 1)`;
/** Pageviews that something follows in their session. */
const followed = sql`name = 'pageview' AND next_at IS NOT NULL`;
const followedViews = sql`sumIf(followed_views, side = 0)`;
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
  nullable: false,
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
  // A state, since the inner level is not always grouped by session.
  number(
    'uniqueEvents',
    'events',
    SESSIONS,
    { session_names: sql`uniqExactState(identity, session_id, session_began, name)` },
    sql`uniqExactMergeIf(session_names, side = 0)`,
  ),
  number('entries', 'sessions', ENDS, { holds_entry: sql`max(is_entry)` }, sql`countIf(side = 1 AND holds_entry = 1)`),
  number('exits', 'sessions', ENDS, { holds_exit: sql`max(is_exit)` }, sql`countIf(side = 1 AND holds_exit = 1)`),
  number(
    'timeOnPage',
    'events',
    ENDS,
    {
      followed_views: sql`countIf(${followed})`,
      followed_ms: sql`sumIf(dateDiff('millisecond', ts, ifNull(next_at, ts)), ${followed})`,
    },
    sql`if(${followedViews} = 0, 0, sumIf(followed_ms, side = 0) / (1000 * ${followedViews}))`,
  ),
  ...GOAL_METRICS,
]);

/** Names of all metrics but those of properties. */
export const METRICS: readonly string[] = [...registry.keys()];

/** All metrics, as messages and documentation name them. */
export const ALL_METRICS: string = [...METRICS, PROPERTY_METRICS].join(', ');

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

/** Metrics of properties that were asked for lately: an answer asks for each once a row. */
const recent = new Map<string, Metric>();
const MAX_RECENT = 1_000;

/** The metric of a name, `sum(property:<key>)` and the like included; undefined for names that there are none of. */
export const findMetric = (name: string): Metric | undefined => {
  const known = registry.get(name) ?? recent.get(name);
  if (known !== undefined) return known;
  const made = propertyMetric(name);
  if (made === undefined) return undefined;
  if (recent.size >= MAX_RECENT) recent.clear();
  recent.set(name, made);
  return made;
};

/** The metric of a name that was checked. */
export const metricOf = (name: string): Metric => {
  const metric = findMetric(name);
  if (metric === undefined) throw new Error('A query that was not parsed has an unknown metric');
  return metric;
};
