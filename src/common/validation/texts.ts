// Is this text a time zone, an origin, an address block, a country? Pure answers, for field rules and for whoever needs them.
import { isIP } from 'node:net';
import { parseUrl } from '../url';

/** Whether a store can keep the text as it is: no NUL (Postgres refuses it) and no half of a surrogate pair (UTF-8 has none). */
export const isStorable = (text: string): boolean => !text.includes('\0') && !/\p{Surrogate}/u.test(text);

/** Characters of a text as a reader counts them: code points. */
export const lengthOf = (text: string): number => {
  let length = 0;
  for (const _character of text) length += 1;
  return length;
};

/** Whether the text names a time zone of the IANA database that this Node knows. Offsets (`+02:00`) are not names. */
export const isTimeZone = (text: string): boolean => {
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]{1,63}$/.test(text)) return false;
  try {
    void new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
};

/** Whether the text is an IPv4 or IPv6 address, or a block of them (`10.0.0.0/8`, `2001:db8::/32`). Zone ids (`%eth0`) are not taken. */
export const isAddressBlock = (text: string): boolean => {
  const [address = '', length, ...rest] = text.split('/');
  const family = address.includes('%') ? 0 : isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128));
};

/** Whether the text is a web origin exactly as a browser sends it: scheme, host, port, and nothing after. */
export const isWebOrigin = (text: string): boolean => /^https?:\/\//.test(text) && parseUrl(text)?.origin === text;

/** Whether the text is an absolute http(s) URL. */
export const isWebUrl = (text: string): boolean => /^https?:$/.test(parseUrl(text)?.protocol ?? '');

/** Whether the text is a host name, lower case, of labels of 1..63 characters; international ones in their `xn--` form. */
export const isHostName = (text: string): boolean =>
  text.length <= 253 && /^(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*$/.test(text);

const INSTANT = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;

/** Milliseconds since the epoch of an ISO 8601 time with an offset; undefined for anything else, also for 30 February and 25:00. */
export const parseInstant = (text: string): number | undefined => {
  const match = INSTANT.exec(text);
  if (match === null || !isDate(text.slice(0, 10)) || Number(match[4]) > 23) return undefined;
  const value = Date.parse(text);
  return Number.isNaN(value) ? undefined : value;
};

/** Whether the text is a day that the calendar has, as `YYYY-MM-DD`, of the years 0001 to 9999. */
export const isDate = (text: string): boolean => {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text.startsWith('0000')) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
};

// ISO 3166-1 alpha-2, as officially assigned, and XK, which geo databases use for Kosovo.
const COUNTRIES = new Set(
  (
    'AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ ' +
    'DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP ' +
    'KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM ' +
    'PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ ' +
    'UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW'
  ).split(' '),
);

/** Whether the text is the code of a country, in capitals. */
export const isCountry = (text: string): boolean => COUNTRIES.has(text);
