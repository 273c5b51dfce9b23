// What does a stored event look like to a reader? One select list and one mapping, for the list, a single event and the export.
import { moneyText } from '../../common/money';
import { type Sql, sql } from '../../platform/clickhouse/sql';
import { flagBits } from '../pipeline';
import type { EventDto, JsonValue } from './event.dto';

/** A row of `storedEventColumns`. Hashes are 16 hexadecimal digits, times milliseconds, properties one JSON text. */
export interface StoredEventRow {
  eventId: string;
  name: string;
  tsMs: number;
  receivedMs: number;
  visitor: string;
  user: string;
  session: string;
  origin: string;
  hostname: string;
  path: string;
  query: string;
  title: string;
  referrer: string;
  referrer_host: string;
  source: string;
  channel: string;
  utm_source: string;
  utm_medium: string;
  utm_campaign: string;
  utm_content: string;
  utm_term: string;
  country: string;
  region: string;
  city: string;
  browser: string;
  browser_version: string;
  os: string;
  os_version: string;
  device: string;
  screen: string;
  language: string;
  timezone: string;
  ip: string;
  flags: number;
  amount: string;
  currency: string;
  propertiesJson: string;
}

/** The event's properties as one JSON object: each value is JSON text already. */
export const propertiesJson: Sql = sql`concat('{', arrayStringConcat(arrayMap((key, value) -> concat(toJSONString(key), ':', value), mapKeys(properties), mapValues(properties)), ','), '}')`;

/** A 64-bit hash as the 16 hexadecimal digits that the API shows. */
export const hexOf = (column: Sql): Sql => sql`lower(leftPad(hex(${column}), 16, '0'))`;

// TRICKY: an alias that is also a column's name would stand for the alias in WHERE too, so computed columns have names of their own.
/** Select list of a whole event. */
export const storedEventColumns: Sql = sql`toString(event_id) AS eventId, name,
  toUnixTimestamp64Milli(ts) AS tsMs, toUnixTimestamp64Milli(received_at) AS receivedMs,
  ${hexOf(sql`visitor_id`)} AS visitor, ${hexOf(sql`user_id`)} AS user, ${hexOf(sql`session_id`)} AS session,
  origin, hostname, path, query, title, referrer, referrer_host, source, channel,
  utm_source, utm_medium, utm_campaign, utm_content, utm_term, country, region, city,
  browser, browser_version, os, os_version, device, screen, language, timezone, ip, flags,
  toString(revenue) AS amount, currency, ${propertiesJson} AS propertiesJson`;

/** "No hash was stored": hashes of given identifiers are never 0. */
const NONE = '0000000000000000';

const orNull = (value: string): string | null => (value === '' ? null : value);

/** A row as the event that readers get. */
export const toEventDto = (row: StoredEventRow): EventDto => ({
  id: row.eventId,
  name: row.name,
  timestamp: new Date(row.tsMs).toISOString(),
  receivedAt: new Date(row.receivedMs).toISOString(),
  visitorId: row.visitor,
  userId: row.user === NONE ? null : row.user,
  sessionId: row.session === NONE ? null : row.session,
  url: orNull(row.origin + row.path + row.query),
  hostname: orNull(row.hostname),
  path: orNull(row.path),
  query: orNull(row.query),
  title: orNull(row.title),
  referrer: orNull(row.referrer),
  referrerHost: orNull(row.referrer_host),
  source: orNull(row.source),
  channel: orNull(row.channel),
  utm: {
    source: orNull(row.utm_source),
    medium: orNull(row.utm_medium),
    campaign: orNull(row.utm_campaign),
    content: orNull(row.utm_content),
    term: orNull(row.utm_term),
  },
  country: orNull(row.country),
  region: orNull(row.region),
  city: orNull(row.city),
  browser: orNull(row.browser),
  browserVersion: orNull(row.browser_version),
  os: orNull(row.os),
  osVersion: orNull(row.os_version),
  device: orNull(row.device),
  screen: orNull(row.screen),
  language: orNull(row.language),
  timezone: orNull(row.timezone),
  ip: orNull(row.ip),
  properties: JSON.parse(row.propertiesJson) as Record<string, JsonValue>,
  revenue: row.currency === '' ? null : { amount: moneyText(row.amount), currency: row.currency },
  bot: (row.flags & flagBits.bot) !== 0,
  visitorDerived: (row.flags & flagBits.derivedVisitor) !== 0,
  timeCorrected: (row.flags & flagBits.serverTime) !== 0,
});
