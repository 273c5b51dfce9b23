// What does a stored event look like on a stream? A line of the warehouse as the event that watchers get. Pure.
import { moneyText } from '../../common/money';
import { uint64ToHex } from '../../events/pipeline';

/** An event as it goes out. Texts are null where nothing was sent; hashes are 16 hexadecimal digits. */
export interface LiveEvent {
  id: string;
  name: string;
  timestamp: string;
  receivedAt: string;
  visitorId: string;
  userId: string | null;
  hostname: string | null;
  path: string | null;
  title: string | null;
  referrerHost: string | null;
  source: string | null;
  channel: string | null;
  country: string | null;
  region: string | null;
  city: string | null;
  browser: string | null;
  os: string | null;
  device: string | null;
  screen: string | null;
  language: string | null;
  bot: boolean;
  revenue: { amount: string; currency: string } | null;
  properties: Record<string, unknown> | null;
  /** There only where parts were left out, as the event is too large to travel. */
  truncated?: true;
}

/** Names that `fields=` may choose from. */
export const LIVE_FIELDS = [
  'id',
  'name',
  'timestamp',
  'receivedAt',
  'visitorId',
  'userId',
  'hostname',
  'path',
  'title',
  'referrerHost',
  'source',
  'channel',
  'country',
  'region',
  'city',
  'browser',
  'os',
  'device',
  'screen',
  'language',
  'bot',
  'revenue',
  'properties',
] as const satisfies readonly (keyof LiveEvent)[];

/** One of them. */
export type LiveField = (typeof LIVE_FIELDS)[number];

/** A notification of Postgres holds less than 8,000 bytes, and an event travels in one of them. */
export const MOST_EVENT_BYTES = 7_500;
const NO_HASH = '0';
const BOT = 1;

const orNull = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const isoOf = (time: unknown): string => `${textOf(time).replace(' ', 'T')}Z`;

/** Reads lines whose values stand in the order of `columns`. @returns what turns one line into its event */
export const liveEventReader = (columns: readonly string[]): ((line: string) => LiveEvent) => {
  const places = new Map(columns.map((name, at) => [name, at]));
  return (line) => {
    const values = JSON.parse(line) as unknown[];
    const of = (name: string): unknown => values[places.get(name) ?? -1];
    const currency = textOf(of('currency'));
    const user = textOf(of('user_id'));
    return fitted({
      id: textOf(of('event_id')),
      name: textOf(of('name')),
      timestamp: isoOf(of('ts')),
      receivedAt: isoOf(of('received_at')),
      visitorId: uint64ToHex(textOf(of('visitor_id'))),
      userId: user === '' || user === NO_HASH ? null : uint64ToHex(user),
      hostname: orNull(of('hostname')),
      path: orNull(of('path')),
      title: orNull(of('title')),
      referrerHost: orNull(of('referrer_host')),
      source: orNull(of('source')),
      channel: orNull(of('channel')),
      country: orNull(of('country')),
      region: orNull(of('region')),
      city: orNull(of('city')),
      browser: orNull(of('browser')),
      os: orNull(of('os')),
      device: orNull(of('device')),
      screen: orNull(of('screen')),
      language: orNull(of('language')),
      bot: (Number(of('flags')) & BOT) !== 0,
      revenue: currency === '' ? null : { amount: moneyText(textOf(of('revenue'))), currency },
      properties: propertiesOf(of('properties')),
    });
  };
};

/** Each value is JSON text of its own. */
const propertiesOf = (stored: unknown): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries((stored ?? {}) as Record<string, string>).map(([key, json]) => [key, JSON.parse(json) as unknown]),
  );

/** The event, without what makes it too large: properties first, then its longest texts. */
const fitted = (event: LiveEvent): LiveEvent => {
  if (bytesOf(event) <= MOST_EVENT_BYTES) return event;
  const less: LiveEvent = { ...event, properties: null, truncated: true };
  if (bytesOf(less) <= MOST_EVENT_BYTES) return less;
  return { ...less, title: null, path: cut(less.path), hostname: cut(less.hostname), source: cut(less.source) };
};

const MOST_CUT = 300;
const cut = (text: string | null): string | null => text?.slice(0, MOST_CUT) ?? null;

const bytesOf = (event: LiveEvent): number => Buffer.byteLength(JSON.stringify(event));

/** The chosen fields of an event, and `truncated` where it is. @param fields undefined: all */
export const pickFields = (event: LiveEvent, fields: readonly LiveField[] | undefined): Partial<LiveEvent> => {
  if (fields === undefined) return event;
  const picked: Record<string, unknown> = {};
  for (const field of fields) picked[field] = event[field];
  if (event.truncated === true) picked['truncated'] = true;
  return picked;
};
