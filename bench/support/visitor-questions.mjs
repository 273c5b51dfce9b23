// What is asked of the directory, of one visitor and of sessions, and how would somebody who knows the engine ask it by hand? By hand nobody
// knows of links, nor of what is shown beside the order: it is the quickest statement that gives the rows.
import { rangeOf } from './questions.mjs';

/** The range of every list, days. */
export const LISTED_DAYS = 30;

const within = ({ project, range }) =>
  `project_id = ${project} AND ts >= toDateTime64('${range.first} 00:00:00', 3, 'UTC') AND ts < toDateTime64('${range.until} 00:00:00', 3, 'UTC') ` +
  `AND toDate(ts) >= toDate('${range.first}') AND toDate(ts) < toDate('${range.until}')`;

/** The events of one visitor: { project, visitor }, the visitor as 16 hexadecimal digits. */
const ofVisitor = ({ project, visitor }) =>
  `project_id = ${project} AND visitor_id = reinterpretAsUInt64(reverse(unhex('${visitor}')))`;

const directory = (name, parameters, order, { where = '1', second = false } = {}) => ({
  name: `directory, ${name}`,
  second,
  path: ({ range }) => `/visitors?from=${range.first}&to=${range.last}&${parameters}`,
  byHand: (asked) => `
SELECT visitor_id, ${order} AS sorted FROM events FINAL WHERE ${within(asked)} AND ${where}
GROUP BY visitor_id ORDER BY sorted DESC, visitor_id DESC LIMIT 50${second ? ' OFFSET 50' : ''}`,
});

const cut = `arrayJoin(arraySplit((at, silence) -> silence > 1800000,
  arraySort(groupArray(toUnixTimestamp64Milli(ts))) AS times, arrayDifference(times)))`;

const sessions = (name, parameters, where) => ({
  name: `sessions, ${name}`,
  path: ({ range }) => `/sessions?from=${range.first}&to=${range.last}${parameters}`,
  byHand: (asked) => `
SELECT visitor_id, part[1] AS began, length(part) AS events
FROM (SELECT visitor_id, ${cut} AS part FROM events FINAL WHERE ${within(asked)} AND ${where} GROUP BY visitor_id, session_id)
ORDER BY began DESC LIMIT 50`,
});

const person = (kind) => [
  {
    name: `profile, ${kind}`,
    kind,
    path: ({ visitor }) => `/visitors/${visitor}`,
    byHand: (asked) => `
SELECT count(), countIf(name = 'pageview'), min(ts), max(ts), groupUniqArray(100)((browser, os, device)), groupUniqArray(100)((country, region, city)),
  sumMapIf(map(toString(currency), revenue), currency != ''), argMin(path, ts)
FROM events FINAL WHERE ${ofVisitor(asked)}`,
  },
  {
    name: `timeline, ${kind}`,
    kind,
    path: ({ visitor }) => `/visitors/${visitor}/events`,
    byHand: (asked) => `SELECT * FROM events FINAL WHERE ${ofVisitor(asked)} ORDER BY ts DESC LIMIT 50`,
  },
  {
    name: `sessions, ${kind}`,
    kind,
    path: ({ visitor }) => `/visitors/${visitor}/sessions`,
    byHand: (asked) => `
SELECT part[1] AS began, length(part) AS events
FROM (SELECT ${cut} AS part FROM events FINAL WHERE ${ofVisitor(asked)} GROUP BY session_id) ORDER BY began DESC LIMIT 50`,
  },
];

const GERMANS = encodeURIComponent('["is","country",["DE"]]');

/** Every question. Those with a `kind` are about a visitor of that kind, the others about a range. */
export const visitorQuestions = [
  directory('last seen', 'sort=lastSeen', 'max(ts)'),
  directory('last seen, page 2', 'sort=lastSeen', 'max(ts)', { second: true }),
  directory('last seen, a country', `sort=lastSeen&filters=${GERMANS}`, 'max(ts)', { where: `country = 'DE'` }),
  directory('first seen', 'sort=firstSeen', 'min(ts)'),
  directory('events', 'sort=events', 'count()'),
  directory('revenue', 'sort=revenue&currency=EUR', `sumIf(revenue, currency = 'EUR')`),
  ...person('a busy visitor'),
  ...person('a typical visitor'),
  sessions('all', '', '1'),
  sessions('a country', `&filters=${GERMANS}`, `country = 'DE'`),
];

/** What a question is about on a call: the range that ends so many days before the end of the data, and a visitor. */
export const askedAbout = (project, endMs, visitors, { kind }, back) => ({
  project: project.number,
  range: rangeOf(endMs, LISTED_DAYS, back),
  visitor: kind === undefined ? undefined : visitors[kind][back % visitors[kind].length],
});

/** Some visitors of the last days: the busiest, those with the median number of events, and `erased` others like these.
 *  @returns lists of 16 hexadecimal digits by kind */
export async function someVisitors(engine, project, endMs, many, erased) {
  const { rows } = await engine.query(`
WITH seen AS (
  SELECT visitor_id, count() AS events FROM events
  WHERE ${within({ project: project.number, range: rangeOf(endMs, LISTED_DAYS) })} GROUP BY visitor_id)
SELECT 'busy' AS kind, leftPad(lower(hex(visitor_id)), 16, '0') AS visitor FROM (SELECT visitor_id FROM seen ORDER BY events DESC, visitor_id LIMIT ${many})
UNION ALL
SELECT 'typical' AS kind, leftPad(lower(hex(visitor_id)), 16, '0') AS visitor FROM (
  SELECT visitor_id FROM seen WHERE events = (SELECT quantileExact(events) FROM seen)
  ORDER BY cityHash64(visitor_id) LIMIT ${many + erased})`);
  const of = (wanted) => rows.filter(({ kind }) => kind === wanted).map(({ visitor }) => visitor);
  const typical = of('typical');
  return {
    'a busy visitor': of('busy'),
    'a typical visitor': typical.slice(0, many),
    erased: typical.slice(many),
  };
}
