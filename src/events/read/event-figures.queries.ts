// Which SQL answers what a project's events are: their names, how many when, keys of properties and their values? Pure.
import type { Runs } from '../../common/buckets';
import { Bound, int64, join, nothing, type Sql, sql, text, uint32 } from '../../platform/clickhouse/sql';
import { type EventRead, eventsOf } from './selection';

const IDENTITY = { identity: true, sessions: false };

/** Search in a text: case is ignored, nothing is a pattern. */
const holds = (column: Sql, search: string): Sql => sql`positionCaseInsensitiveUTF8(${column}, ${text(search)}) > 0`;

/** What of a list by name is asked for: after the one last seen, those that hold a text. */
export interface Slice {
  readonly limit: number;
  readonly after?: string;
  readonly search?: string;
}

const slice = (column: Sql, { after, search }: Slice): Sql => {
  const parts = [
    ...(after === undefined ? [] : [sql`${column} > ${text(after)}`]),
    ...(search === undefined ? [] : [holds(column, search)]),
  ];
  return parts.length === 0 ? nothing : sql` AND ${join(parts, ' AND ')}`;
};

/** Per name, in the order of names: { name, events, visitors, firstMs, lastMs }. The name is the place in the list, so that
 *  a walk neither skips nor repeats one while counts change. Visitors are exact, after links. */
export const summaryPage = (read: EventRead, asked: Slice): Sql => sql`SELECT name, count() AS events,
  uniqExact(identity) AS visitors, toUnixTimestamp64Milli(min(ts)) AS firstMs, toUnixTimestamp64Milli(max(ts)) AS lastMs
${eventsOf(read, IDENTITY)}${slice(sql`name`, asked)}
GROUP BY name
ORDER BY name
LIMIT ${uint32(asked.limit)}`;

/** The most frequent names of a read: { name }. */
export const frequentNames = (read: EventRead, limit: number): Sql => sql`SELECT name
${eventsOf(read)}
GROUP BY name
ORDER BY count() DESC, name
LIMIT ${uint32(limit)}`;

/** How many of each name in each bucket that has any: { start, name, events }, `start` in milliseconds.
 *  @param runs the beginnings of all buckets, packed; the first is the range's own beginning */
export const countsByBucket = (read: EventRead, runs: Runs): Sql => sql`WITH arrayCumSum(arrayConcat(
  [${int64(runs.start)}],
  arrayFlatten(arrayMap((many, step) -> arrayWithConstant(many, step),
    ${new Bound('Array(UInt32)', runs.counts)}, ${new Bound('Array(Int64)', runs.steps)})))) AS starts
SELECT roundDown(toUnixTimestamp64Milli(ts), starts) AS start, name, count() AS events
${eventsOf(read)}
GROUP BY start, name`;

/** What the first character of a JSON text says about its type. */
const typeOf = (value: Sql): Sql => sql`transform(substring(${value}, 1, 1),
  ['"', '{', '[', 't', 'f', 'n'], ['string', 'object', 'array', 'boolean', 'boolean', 'null'], 'number')`;

/** Per key of properties, in the order of keys: { key, events, types: { <type>: count } }. */
export const propertyKeysPage = (read: EventRead, asked: Slice): Sql => {
  const unfold = sql` ARRAY JOIN mapKeys(properties) AS key, mapValues(properties) AS value`;
  return sql`SELECT key, count() AS events, sumMap(map(${typeOf(sql`value`)}, toUInt64(1))) AS types
${eventsOf(read, undefined, unfold)}${slice(sql`key`, asked)}
GROUP BY key
ORDER BY key
LIMIT ${uint32(asked.limit)}`;
};

/** The most frequent values of a key: { json, events }, `json` being the value's JSON text. A search looks at a text without its quotes. */
export const propertyValues = (read: EventRead, key: string, limit: number, search?: string): Sql => {
  const json = sql`properties[${text(key)}]`;
  const shown = sql`if(startsWith(${json}, '"'), JSONExtractString(${json}), ${json})`;
  const matching = search === undefined ? nothing : sql` AND ${holds(shown, search)}`;
  return sql`SELECT ${json} AS json, count() AS events
${eventsOf(read)} AND ${json} != ''${matching}
GROUP BY json
ORDER BY events DESC, json
LIMIT ${uint32(limit)}`;
};
