// What is asked of funnels, retention and journeys, and how would somebody who knows the engine ask it by hand? One entry a question.
// By hand nobody knows of links, of ties, or of times between steps: it is the quickest statement that gives the counts.
import { rangeOf } from './questions.mjs';

const DAY_S = 86_400;
const quoted = (names) => names.map((name) => `'${name}'`).join(', ');

const within = ({ project, range }) =>
  `project_id = ${project} AND ts >= toDateTime64('${range.first} 00:00:00', 3, 'UTC') AND ts < toDateTime64('${range.until} 00:00:00', 3, 'UTC') ` +
  `AND toDate(ts) >= toDate('${range.first}') AND toDate(ts) < toDate('${range.until}')`;

/** Visitors by how far they came. */
const funnelByHand =
  (names, { mode, country = false } = {}) =>
  (asked) => `
SELECT ${country ? 'country, ' : ''}countIf(level >= 1) AS figure, ${names.map((_, at) => `countIf(level >= ${at + 1}) AS step_${at + 1}`).join(', ')}
FROM (
  SELECT visitor_id${country ? ', argMin(country, ts) AS country' : ''},
    windowFunnel(${DAY_S * 1_000}${mode === 'strict' ? ", 'strict_order'" : ''})(toUInt64(toUnixTimestamp64Milli(ts)), ${names.map((name) => `name = '${name}'`).join(', ')}) AS level
  FROM events FINAL
  WHERE ${within(asked)}${mode === 'strict' ? '' : ` AND name IN (${quoted(names)})`}
  GROUP BY visitor_id)
${country ? 'GROUP BY country ORDER BY figure DESC LIMIT 10' : ''}`;

const funnel = (name, names, more = {}) => {
  const { breakdown, mode = 'ordered' } = more;
  return {
    name,
    path: () => '/funnels/query',
    body: (range, precision) => ({
      steps: names.map((event) => ({ event })),
      mode,
      window: DAY_S,
      from: range.first,
      to: range.last,
      precision,
      ...(breakdown === undefined ? {} : { breakdown, limit: 10 }),
    }),
    byHand: funnelByHand(names, { mode, country: breakdown !== undefined }),
    figureOf: ({ data }) => data.steps[0].count,
    explained: (body) => ({ ...body, explain: true }),
  };
};

const BUY = ['add_to_cart', 'checkout_started', 'purchase'];
const EIGHT = ['pageview', 'search', 'view_item', 'click', 'add_to_cart', 'checkout_started', 'login', 'purchase'];

const get = (name, days, path, byHand, figureOf) => ({
  name,
  days,
  path: (range, precision) => `${path}&from=${range.first}&to=${range.last}&precision=${precision}`,
  byHand,
  figureOf,
});

/** Every question, with the ranges in days that it is asked for. */
export const sequenceQuestions = [
  { ...funnel('funnel of 4, from any page', ['pageview', ...BUY]), days: [30, 365] },
  { ...funnel('funnel of 4, own events', ['signup', ...BUY]), days: [30, 365] },
  { ...funnel('funnel of 4, by country', ['pageview', ...BUY], { breakdown: 'country' }), days: [30, 365] },
  { ...funnel('funnel of 8', EIGHT), days: [30, 365] },
  {
    ...funnel('funnel of 4, strict', ['pageview', 'search', 'view_item', 'add_to_cart'], { mode: 'strict' }),
    days: [30],
  },
  { ...funnel('funnel of 8, strict, by country', EIGHT, { mode: 'strict', breakdown: 'country' }), days: [30, 365] },
  get(
    'retention, 12 weeks',
    [84],
    '/stats/retention?interval=week',
    (asked) => `
SELECT first, week, count() AS who, who AS figure FROM (
  SELECT visitor_id, toMonday(min(ts)) AS first, arrayJoin(groupUniqArray(toMonday(ts))) AS week
  FROM events FINAL WHERE ${within(asked)} GROUP BY visitor_id)
GROUP BY first, week`,
    ({ data }) => data.reduce((sum, { size }) => sum + size, 0),
  ),
  get(
    'journeys of 5 pages, by session',
    [30],
    '/stats/journeys?steps=5&limit=50',
    (asked) => `
SELECT way, count() AS figure FROM (
  SELECT arrayJoin(arrayMap(part -> arraySlice(arrayCompact(part.2), 1, 5),
    arraySplit((one, gap) -> gap > 1800, seen, arrayDifference(arrayMap(one -> toUnixTimestamp(one.1), seen))))) AS way
  FROM (
    SELECT visitor_id, arraySort(groupArray((ts, path))) AS seen
    FROM events FINAL WHERE ${within(asked)} AND name = 'pageview' GROUP BY visitor_id))
GROUP BY way ORDER BY figure DESC LIMIT 50`,
    ({ data }) => data.reduce((sum, { count }) => sum + count, 0),
  ),
];

/** What is sent for a question about the days before the end of the data. */
export const askedOf = (question, days, precision, endMs, back = 0) => {
  const range = rangeOf(endMs, days, back);
  return { path: question.path(range, precision), body: question.body?.(range, precision) };
};
