// What is asked of statistics, and how would somebody ask the same of raw events by hand? One entry a question, both ways side by side.

const DAY_MS = 86_400_000;
const dayOf = (ms) => new Date(ms).toISOString().slice(0, 10);

/** The ranges of a question, days. */
export const RANGES = [1, 7, 30, 365];

/** A range of whole local days: `days` of them, the last one `back` days before the end of the data.
 *  @returns {{ first: string, last: string, until: string }} dates; `until` is the day after the last */
export const rangeOf = (endMs, days, back = 0) => ({
  first: dayOf(endMs - (days + back) * DAY_MS),
  last: dayOf(endMs - (1 + back) * DAY_MS),
  until: dayOf(endMs - back * DAY_MS),
});

/** Bounds by hand: of the time, and of the day in the sort key, which are wider by a day where the zone is not UTC. */
function bounds({ project, range, zone }) {
  const slack = zone === 'UTC' ? 0 : 1;
  return (
    `project_id = ${project} AND ts >= toDateTime64('${range.first} 00:00:00', 3, '${zone}') ` +
    `AND ts < toDateTime64('${range.until} 00:00:00', 3, '${zone}') ` +
    `AND toDate(ts) >= toDate('${range.first}') - ${slack} AND toDate(ts) < toDate('${range.until}') + ${slack}`
  );
}

/** Events with the visitor they belong to after links. @param columns beside those of the visitor */
const identified = (asked, columns, filter) => `(
  SELECT *, multiIf(user_id != 0, user_id, linked != 0, linked, visitor_id) AS identity
  FROM (SELECT visitor_id, user_id, ${columns} FROM events FINAL WHERE ${bounds(asked)}${filter === undefined ? '' : ` AND ${filter}`}) AS seen
  LEFT JOIN (
    SELECT visitor_id, argMin(user_id, (first_at, user_id)) AS linked
    FROM visitor_links WHERE project_id = ${asked.project} GROUP BY visitor_id) AS links USING (visitor_id))`;

const overviewByHand = (filter) => (asked) => `
SELECT count() AS visitors, sum(views) AS pageviews, sum(hits) AS events, sum(visits) AS sessions,
  sum(bounced) / sessions AS bounce_rate, sum(length_ms) / 1000 / sessions AS duration, sumMap(money) AS revenue, visitors AS figure
FROM (
  SELECT count() AS hits, countIf(name = 'pageview') AS views,
    arraySort(groupArray((toUnixTimestamp64Milli(ts), name = 'pageview'))) AS seen,
    arrayDifference(arrayMap(one -> one.1, seen)) AS silences,
    arrayMap((silence, place) -> place = 1 OR silence > 1800000, silences, arrayEnumerate(silences)) AS begins,
    arraySum(begins) AS visits,
    arraySum(arrayMap((silence, begin) -> if(begin, 0, silence), silences, begins)) AS length_ms,
    arraySum(arrayMap((one, begin, next) -> one.2 AND begin AND next, seen, begins, arrayPushBack(arrayPopFront(begins), 1))) AS bounced,
    sumMapIf(map(toString(currency), revenue), currency != '') AS money
  FROM ${identified(asked, 'ts, name, currency, revenue', filter)}
  GROUP BY identity)`;

const seriesByHand = (unit, filter) => (asked) => {
  const bucket = unit === 'hour' ? `toStartOfHour(ts, '${asked.zone}')` : `toDate(ts, '${asked.zone}')`;
  return `
SELECT ${bucket} AS bucket, uniqExact(identity) AS visitors, countIf(name = 'pageview') AS figure
FROM ${identified(asked, 'ts, name', filter)}
GROUP BY bucket ORDER BY bucket`;
};

const breakdownByHand = (column, limit, filter) => (asked) => `
SELECT value, uniqExact(identity) AS visitors, countIf(name = 'pageview') AS figure
FROM ${identified(asked, `name, ${column} AS value`, filter)}
GROUP BY value ORDER BY visitors DESC, value LIMIT ${limit}`;

const METRICS = 'metrics=visitors,pageviews';
const withFilters = (filters) => `&filters=${encodeURIComponent(JSON.stringify(filters))}`;
const ofRows = ({ data }) => data.reduce((sum, row) => sum + row.pageviews, 0);
const ofOverview = ({ data }) => data.visitors;

const IS_GERMAN_PHONE = ['and', ['is', 'country', ['DE']], ['is', 'device', ['mobile']]];
const PAGE = '/pricing';

const series = (zone) => ({
  name: `series by day, ${zone}`,
  hourly: `series by hour, ${zone}`,
  zone,
  path: (days) => `/stats/timeseries?${METRICS}&interval=${days === 1 ? 'hour' : 'day'}`,
  byHand: (asked, days) => seriesByHand(days === 1 ? 'hour' : 'day')(asked),
  figureOf: ofRows,
});

/** Every question: the API's path without range and zone, the statement by hand, and a figure of the answer that both must agree on. */
export const questions = [
  { name: 'overview', zone: 'UTC', path: () => '/stats/overview?', byHand: overviewByHand(), figureOf: ofOverview },
  series('UTC'),
  series('America/New_York'),
  series('Asia/Kathmandu'),
  {
    name: 'top pages',
    zone: 'UTC',
    path: () => `/stats/pages?${METRICS}&limit=10`,
    byHand: breakdownByHand('path', 10),
    figureOf: ofRows,
  },
  {
    name: 'countries',
    zone: 'UTC',
    path: () => `/stats/countries?${METRICS}&limit=50`,
    byHand: breakdownByHand('country', 50),
    figureOf: ofRows,
  },
  {
    name: 'overview, two filters',
    zone: 'UTC',
    path: () => `/stats/overview?${withFilters(IS_GERMAN_PHONE)}`,
    byHand: overviewByHand(`country = 'DE' AND device = 'mobile'`),
    figureOf: ofOverview,
  },
  {
    name: 'by property:plan',
    zone: 'UTC',
    path: () => `/stats/breakdown/property:plan?${METRICS}&limit=10`,
    byHand: breakdownByHand(`properties['plan']`, 10, `properties['plan'] != ''`),
    figureOf: ofRows,
  },
  {
    name: 'one page by day',
    zone: 'UTC',
    path: () => `/stats/timeseries?${METRICS}&interval=day${withFilters(['is', 'page', [PAGE]])}`,
    byHand: seriesByHand('day', `path = '${PAGE}'`),
    figureOf: ofRows,
  },
];

/** The whole path of a question for the API. */
export const pathOf = (question, days, { first, last }) =>
  `${question.path(days)}&from=${first}&to=${last}&timezone=${encodeURIComponent(question.zone)}`.replace('?&', '?');
