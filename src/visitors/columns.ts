// Which expressions do several questions about visitors select, and how are they read back? Pure.
import { moneyText } from '../common/money';
import { type Sql, sql } from '../platform/clickhouse/sql';
import type { EventUtmDto } from '../events';
import type { TouchDto } from './visitors.dto';

/** The order of events: by time, then arrival, then the place in the request, then the id. */
export const eventOrder: Sql = sql`(ts, received_at, seq, toString(event_id))`;

/** Sums per currency of the events of a condition, as decimal text. */
export const revenueOf = (condition: Sql): Sql =>
  sql`mapApply((code, amount) -> (code, toString(amount)), sumMapIf(map(currency, toDecimal128(revenue, 4)), currency != '' AND ${condition}))`;

/** Money as the API shows it, by currency. */
export const toMoney = (sums: Record<string, string>): { currency: string; amount: string }[] =>
  Object.entries(sums)
    .map(([currency, amount]) => ({ currency, amount: moneyText(amount) }))
    .sort((a, b) => (a.currency < b.currency ? -1 : 1));

/** Place and device of an event, as a list of texts. */
export const surroundings: Sql = sql`CAST([country, region, city, browser, os, device], 'Array(String)')`;

const orNull = (text: string | undefined): string | null => (text === undefined || text === '' ? null : text);

/** Place and device of a visitor or a session; null where nothing could be told. */
export interface Surroundings {
  country: string | null;
  region: string | null;
  city: string | null;
  browser: string | null;
  os: string | null;
  device: string | null;
}

export const toSurroundings = ([country, region, city, browser, os, device]: readonly string[]): Surroundings => ({
  country: orNull(country),
  region: orNull(region),
  city: orNull(city),
  browser: orNull(browser),
  os: orNull(os),
  device: orNull(device),
});

/** What an event says about where somebody came from, as a list of texts. */
export const touch: Sql = sql`CAST([
    toString(toUnixTimestamp64Milli(ts)), name, hostname, path, referrer, referrer_host, source, channel,
    utm_source, utm_medium, utm_campaign, utm_content, utm_term], 'Array(String)')`;

/** Reads `touch` back. */
export const toTouch = (texts: readonly string[]): TouchDto => {
  const [time = '0', event = '', hostname, page, referrer, referrerHost, source, channel, ...utm] = texts;
  return {
    time: new Date(Number(time)).toISOString(),
    event,
    hostname: orNull(hostname),
    page: orNull(page),
    referrer: orNull(referrer),
    referrerHost: orNull(referrerHost),
    source: orNull(source),
    channel: orNull(channel),
    utm: toUtm(utm),
  };
};

const toUtm = ([source, medium, campaign, content, term]: readonly string[]): EventUtmDto => ({
  source: orNull(source),
  medium: orNull(medium),
  campaign: orNull(campaign),
  content: orNull(content),
  term: orNull(term),
});

/** A moment as the API shows it. */
export const iso = (ms: number): string => new Date(ms).toISOString();
