// Which SQL reads events for a file? Flat columns under the API's names; no order is asked for, so the engine streams as it reads. Pure.
import { ident, join, nothing, type Sql, sql, uint8 } from '../../platform/clickhouse/sql';
import { flagBits } from '../pipeline';
import { type EventRead, eventsOf } from './selection';
import { hexOf, propertiesJson } from './stored-event';

/** Forms of a file. */
export const EXPORT_FORMATS = ['ndjson', 'csv', 'parquet'] as const;

/** The form of a file. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** A column of a file: its name there, and what it is made of. */
type Column = readonly [name: string, value: Sql];

/** Plain texts of an event: the name in the file and the column. */
const TEXTS: readonly (readonly [string, string])[] = [
  ['hostname', 'hostname'],
  ['path', 'path'],
  ['query', 'query'],
  ['title', 'title'],
  ['referrer', 'referrer'],
  ['referrerHost', 'referrer_host'],
  ['source', 'source'],
  ['channel', 'channel'],
  ['utmSource', 'utm_source'],
  ['utmMedium', 'utm_medium'],
  ['utmCampaign', 'utm_campaign'],
  ['utmContent', 'utm_content'],
  ['utmTerm', 'utm_term'],
  ['country', 'country'],
  ['region', 'region'],
  ['city', 'city'],
  ['browser', 'browser'],
  ['browserVersion', 'browser_version'],
  ['os', 'os'],
  ['osVersion', 'os_version'],
  ['device', 'device'],
  ['screen', 'screen'],
  ['language', 'language'],
  ['timezone', 'timezone'],
  ['ip', 'ip'],
];

const flag = (bit: number): Sql => sql`CAST(bitAnd(flags, ${uint8(bit)}) != 0, 'Bool')`;
const FLAGS: readonly Column[] = [
  ['bot', flag(flagBits.bot)],
  ['visitorDerived', flag(flagBits.derivedVisitor)],
  ['timeCorrected', flag(flagBits.serverTime)],
];

// TRICKY: `path` and `query` alone would be this file's own columns of these names.
const url = sql`concat(event.origin, event.path, event.query)`;
const isoTime = (column: Sql): Sql => sql`concat(replaceOne(toString(${column}), ' ', 'T'), 'Z')`;
const hashOr = (column: Sql, none: Sql): Sql => sql`if(${column} = 0, ${none}, ${hexOf(column)})`;
/** TRICKY: a table program runs a cell that begins like a formula, so such a text gets an apostrophe in front. Numbers stay. */
const safe = (value: Sql): Sql =>
  sql`if(substring(${value}, 1, 1) IN ('=', '+', '-', '@', '\\t', '\\r'), concat('''', ${value}), toString(${value}))`;
const orNull = (value: Sql): Sql => sql`nullIf(toString(${value}), '')`;

const csvColumns: readonly Column[] = [
  ['id', sql`toString(event_id)`],
  ['name', safe(sql`name`)],
  ['timestamp', isoTime(sql`ts`)],
  ['receivedAt', isoTime(sql`received_at`)],
  ['visitorId', hexOf(sql`visitor_id`)],
  ['userId', hashOr(sql`user_id`, sql`''`)],
  ['sessionId', hashOr(sql`session_id`, sql`''`)],
  ['url', safe(url)],
  ...TEXTS.map(([name, column]): Column => [name, safe(ident(column))]),
  ['properties', propertiesJson],
  ['revenueAmount', sql`if(currency = '', NULL, revenue)`],
  ['revenueCurrency', safe(sql`currency`)],
  ...FLAGS,
];

const parquetColumns: readonly Column[] = [
  ['id', sql`toString(event_id)`],
  ['name', sql`toString(name)`],
  ['timestamp', sql`ts`],
  ['receivedAt', sql`received_at`],
  ['visitorId', hexOf(sql`visitor_id`)],
  ['userId', hashOr(sql`user_id`, sql`NULL`)],
  ['sessionId', hashOr(sql`session_id`, sql`NULL`)],
  ['url', orNull(url)],
  ...TEXTS.map(([name, column]): Column => [name, orNull(ident(column))]),
  ['properties', propertiesJson],
  ['revenueAmount', sql`if(currency = '', NULL, revenue)`],
  ['revenueCurrency', orNull(sql`currency`)],
  ...FLAGS,
];

/** JSON text of an object out of its members' JSON texts. Names are this file's own. */
const jsonObject = (members: readonly Column[]): Sql =>
  sql`concat('{', ${join(
    members.map(([name, json], at) => sql`'${at === 0 ? nothing : sql`,`}"${ident(name)}":', ${json}`),
    ', ',
  )}, '}')`;
/** JSON text of a text, null where there is none. */
const jsonText = (value: Sql): Sql => sql`if(${value} = '', 'null', toJSONString(toString(${value})))`;
const quoted = (value: Sql): Sql => sql`concat('"', ${value}, '"')`;
const jsonHash = (column: Sql): Sql => sql`if(${column} = 0, 'null', ${quoted(hexOf(column))})`;
const jsonFlag = (bit: number): Sql => sql`if(bitAnd(flags, ${uint8(bit)}) != 0, 'true', 'false')`;

const isUtm = ([name]: readonly [string, string]): boolean => name.startsWith('utm');
const utm = TEXTS.filter(isUtm).map(([name, column]): Column => [
  name.slice('utm'.length).toLowerCase(),
  jsonText(ident(column)),
]);
/** As `moneyText` writes it: two decimals at least. */
const revenue = jsonObject([
  ['amount', quoted(sql`replaceRegexpOne(toDecimalString(revenue, 4), '0{1,2}$', '')`)],
  ['currency', sql`toJSONString(toString(currency))`],
]);

/** An event as one line of JSON, of the shape that `toEventDto` gives. The engine writes it: at a tenth of what it costs here. */
const jsonLine = jsonObject([
  ['id', quoted(sql`toString(event_id)`)],
  ['name', sql`toJSONString(toString(name))`],
  ['timestamp', quoted(isoTime(sql`ts`))],
  ['receivedAt', quoted(isoTime(sql`received_at`))],
  ['visitorId', quoted(hexOf(sql`visitor_id`))],
  ['userId', jsonHash(sql`user_id`)],
  ['sessionId', jsonHash(sql`session_id`)],
  ['url', jsonText(sql`concat(origin, path, query)`)],
  ...TEXTS.filter((text) => !isUtm(text)).map(([name, column]): Column => [name, jsonText(ident(column))]),
  ['utm', jsonObject(utm)],
  ['properties', propertiesJson],
  ['revenue', sql`if(currency = '', 'null', ${revenue})`],
  ['bot', jsonFlag(flagBits.bot)],
  ['visitorDerived', jsonFlag(flagBits.derivedVisitor)],
  ['timeCorrected', jsonFlag(flagBits.serverTime)],
]);

/** Names of the columns of CSV and Parquet files, in their order. */
export const EXPORT_COLUMNS: readonly string[] = csvColumns.map(([name]) => name);

// TRICKY: names of the file are names of columns too, and would stand for the computed value in WHERE: hence the subselect.
const flat = (columns: readonly Column[], events: Sql, settings: Sql): Sql => sql`SELECT ${join(
  columns.map(([name, value]) => sql`${value} AS ${ident(name)}`),
  ', ',
)}
FROM (SELECT * ${events}) AS event
SETTINGS ${settings}`;

/** A file's events: for `ndjson` whole lines, else flat columns.
 *  Row groups of 50,000 bound what Parquet keeps in memory; an empty cell is what CSV has for null. */
export const exportEvents = (format: ExportFormat, read: EventRead): Sql => {
  const events = eventsOf(read);
  switch (format) {
    case 'ndjson':
      return sql`SELECT ${jsonLine} AS line\n${events}\nSETTINGS output_format_json_escape_forward_slashes = 0`;
    case 'csv':
      return flat(csvColumns, events, sql`format_csv_null_representation = ''`);
    case 'parquet':
      return flat(parquetColumns, events, sql`output_format_parquet_row_group_size = 50000`);
  }
};
