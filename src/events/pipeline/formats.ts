// Is this text a time, an address, an amount? The named formats of the input rules, each also the parser that the pipeline uses.
import { isIP, SocketAddress } from 'node:net';
import { isUuid } from '../../common/ids';
import { HotCache } from './hot-cache';
import { parseUrl } from '../../common/url';

/** Times that an event may carry, in epoch milliseconds: 1971 to 2261, both inclusive.
 *  Below lies what epoch seconds look like (1,700,000,000 is in January 1970); above, what nanosecond clocks can't hold. */
export const EARLIEST_MS = Date.UTC(1971, 0, 1);
export const LATEST_MS = Date.UTC(2262, 0, 1) - 1;

const INSTANT =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)$/i;

let latestDay = '';
let latestStart = Number.NaN;

/** Epoch milliseconds at which a `YYYY-MM-DD` begins in UTC; NaN where no such day exists. The latest day is remembered, since events
 *  arrive in its order.
 *  TRICKY: `Date.parse` takes 30 February for 1 March, hence the look at the day that came out. */
const startOfDay = (day: string): number => {
  if (day !== latestDay) {
    const start = Date.parse(`${day}T00:00:00Z`);
    latestDay = day;
    latestStart = new Date(start).getUTCDate() === Number(day.slice(8)) ? start : Number.NaN;
  }
  return latestStart;
};

const digits = (text: string, at: number): number => (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;

/** Epoch milliseconds of an ISO 8601 time with an offset or `Z`, finer fractions cut off; NaN where it is none or no such day exists. */
export const parseInstant = (text: string): number => {
  if (!INSTANT.test(text)) return Number.NaN;
  const start = startOfDay(text.slice(0, 10));
  if (text.length === 24 && text.endsWith('Z')) {
    // What `Date.prototype.toISOString` writes, and so what most senders send: a quarter of the time of the general way.
    const seconds = (digits(text, 11) * 60 + digits(text, 14)) * 60 + digits(text, 17);
    return start + seconds * 1_000 + digits(text, 20) * 10 + text.charCodeAt(22) - 48;
  }
  if (Number.isNaN(start)) return Number.NaN;
  const upper = text.toUpperCase().replace(' ', 'T');
  return Date.parse(upper.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
};

/** Epoch milliseconds of a checked `timestamp`: a text or a number of milliseconds. */
export const toEpochMs = (timestamp: string | number): number =>
  typeof timestamp === 'number' ? timestamp : parseInstant(timestamp);

const AMOUNT = /^-?\d{1,14}(?:\.\d{1,4})?$/;

/** An amount as decimal text that fits Decimal(18, 4); undefined where it doesn't fit.
 *  A number may carry the noise of binary fractions (0.1 + 0.2), which is rounded away; a text has to be exact. */
export const toDecimal = (amount: string | number): string | undefined => {
  const text = String(amount);
  if (AMOUNT.test(text)) return text;
  if (typeof amount === 'string' || !Number.isFinite(amount)) return undefined;
  const rounded = amount.toFixed(4);
  const isNoise = Math.abs(Number(rounded) - amount) <= 1e-9 * Math.max(1, Math.abs(amount));
  return isNoise && AMOUNT.test(rounded) ? rounded : undefined;
};

const MAPPED = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;

const written = new HotCache<string>(10_000);

/** An IPv6 address as the system writes it; IPv4 inside it has dots then, however it was written (`::FFFF:102:304`). */
const asWritten = (address: string): string => {
  const known = written.get(address);
  if (known !== undefined) return known;
  // Four microseconds, hence the memory: a batch mostly has one address.
  const text = new SocketAddress({ address, family: 'ipv6' }).address;
  written.set(address, text);
  return text;
};

/** An address in one form: IPv4 inside IPv6 (`::ffff:1.2.3.4`) as IPv4, IPv6 in its shortest form without its zone; '' where it is none. */
export const toAddress = (text: string): string => {
  const bare = text.split('%', 1)[0]!;
  switch (isIP(bare)) {
    case 4:
      return bare;
    case 6: {
      const address = asWritten(bare);
      return MAPPED.exec(address)?.[1] ?? address;
    }
    default:
      return '';
  }
};

const ZONE = /^[A-Za-z][A-Za-z0-9_+\-/]{0,63}$/;
const zones = new HotCache<boolean>(1_000);

/** Whether the platform knows a time zone of this IANA name; old names and links count. */
const isTimezone = (name: string): boolean => {
  if (!ZONE.test(name)) return false;
  const known = zones.get(name);
  if (known !== undefined) return known;
  let isKnown = true;
  try {
    // Constructing costs tens of microseconds, hence the memory.
    void new Intl.DateTimeFormat('en', { timeZone: name });
  } catch {
    isKnown = false;
  }
  zones.set(name, isKnown);
  return isKnown;
};

const LOCALE = /^[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*$/;

/** A locale in BCP 47's usual writing: `pt_br` becomes `pt-BR`. */
export const toLanguage = (locale: string): string => {
  if (/^[a-z]{2,3}(?:-[A-Z]{2})?$/.test(locale)) return locale;
  const [language, ...rest] = locale.replaceAll('_', '-').split('-');
  const tags = rest.map((tag) => {
    if (tag.length === 2) return tag.toUpperCase();
    return tag.length === 4 ? tag[0]!.toUpperCase() + tag.slice(1).toLowerCase() : tag.toLowerCase();
  });
  return [language!.toLowerCase(), ...tags].join('-');
};

const currencies = new Set(Intl.supportedValuesOf('currency'));

const ABSOLUTE = /^([a-z][a-z0-9+.-]*):\/\/[^/?#\s]|^file:\/\/\//i;
const urls = new HotCache<boolean>(4_000);

const isUrl = (text: string): boolean => {
  if (text.startsWith('/')) return true;
  const known = urls.get(text);
  if (known !== undefined) return known;
  const valid = ABSOLUTE.test(text) && parseUrl(text) !== undefined;
  if (text.length <= 512) urls.set(text, valid);
  return valid;
};

/** Why a value breaks its format. */
export interface FormatFault {
  code: 'invalid_format' | 'out_of_range';
  message: string;
}

/** Says what is wrong, or undefined. */
export type Format = (value: string | number) => FormatFault | undefined;

const textual =
  (test: (text: string) => boolean, message: string): Format =>
  (value) =>
    test(String(value)) ? undefined : { code: 'invalid_format', message };

const instant: Format = (value) => {
  const time = toEpochMs(value);
  if (Number.isNaN(time)) {
    return {
      code: 'invalid_format',
      message: 'must be an existing ISO 8601 time with an offset or Z, or epoch milliseconds',
    };
  }
  if (time >= EARLIEST_MS && time <= LATEST_MS) return undefined;
  const hint =
    typeof value === 'number' && time > 0 && time < EARLIEST_MS ? '; are these seconds? Milliseconds are expected' : '';
  return { code: 'out_of_range', message: `must lie between 1971 and 2261${hint}` };
};

const decimal: Format = (value) => {
  if (toDecimal(value) !== undefined) return undefined;
  if (typeof value === 'string' && !/^-?\d+(?:\.\d+)?$/.test(value)) {
    return { code: 'invalid_format', message: 'must be a decimal number such as "19.99"' };
  }
  return { code: 'out_of_range', message: 'must have at most 14 digits before the point and 4 after it' };
};

/** The formats that a rule can name. */
export const formats: Readonly<Record<string, Format>> = {
  uuid: textual(isUuid, 'must be a UUID'),
  'date-time': instant,
  decimal,
  'uri-reference': textual(isUrl, 'must be an absolute URL (https://…, app://…) or a path that begins with "/"'),
  ip: textual((text) => isIP(text) !== 0 && !text.includes('%'), 'must be an IPv4 or IPv6 address'),
  timezone: textual(isTimezone, 'must be an IANA time zone such as "Europe/Berlin"'),
  locale: textual((text) => LOCALE.test(text), 'must be a language tag such as "en-GB"'),
  currency: textual((text) => currencies.has(text), 'must be an ISO 4217 code in capitals such as "EUR"'),
};
