// What is stored of an event? A row of the warehouse's table `events`, in the types of this side.

/** Bits of the column `flags`. */
export const flagBits = { bot: 1, derivedVisitor: 2, serverTime: 4 } as const;

/** A row of the table `events`, its columns in the table's order. Times are epoch milliseconds; hashes are UInt64 as decimal text,
 *  "0" for none; `properties` are pairs of key and JSON text. */
export interface EventRow {
  project_id: number;
  ts: number;
  received_at: number;
  /** The place in the request, 0..65535; the caller of the pipeline sets it. */
  seq: number;
  event_id: string;
  name: string;
  visitor_id: string;
  user_id: string;
  session_id: string;
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
  /** Decimal text. */
  revenue: string;
  currency: string;
  properties: readonly (readonly [key: string, json: string])[];
}

/** A row without content, for the steps to fill. */
export const emptyRow = (projectNumber: number, receivedAt: number): EventRow => ({
  project_id: projectNumber,
  ts: receivedAt,
  received_at: receivedAt,
  seq: 0,
  event_id: '',
  name: '',
  visitor_id: '0',
  user_id: '0',
  session_id: '0',
  origin: '',
  hostname: '',
  path: '',
  query: '',
  title: '',
  referrer: '',
  referrer_host: '',
  source: '',
  channel: '',
  utm_source: '',
  utm_medium: '',
  utm_campaign: '',
  utm_content: '',
  utm_term: '',
  country: '',
  region: '',
  city: '',
  browser: '',
  browser_version: '',
  os: '',
  os_version: '',
  device: '',
  screen: '',
  language: '',
  timezone: '',
  ip: '',
  flags: 0,
  revenue: '0',
  currency: '',
  properties: [],
});
