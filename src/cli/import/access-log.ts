// What does one line of a web server's access log say? Pure: Apache's and nginx' common and combined formats, one line at a time.
import { isIP } from 'node:net';

export const LOG_FORMATS = ['combined', 'common'] as const;

/** `common`: host, identity, user, time, request, status, bytes. `combined`: and referrer and user agent. */
export type LogFormat = (typeof LOG_FORMATS)[number];

/** What a line says. What the log leaves out (`-`, or an empty text) is missing here. */
export interface LogEntry {
  /** The client as the log has it: an address, or a host name where the server looks names up. */
  readonly host: string;
  /** The client's address; missing where the log has a name. */
  readonly ip?: string;
  /** Milliseconds since the epoch; logs have whole seconds. */
  readonly time: number;
  /** Missing where the client sent something else than a request line: TLS to a plain port, garbage, nothing at all. */
  readonly request?: LogRequest;
  readonly status: number;
  readonly bytes?: number;
  readonly referrer?: string;
  readonly userAgent?: string;
}

export interface LogRequest {
  readonly method: string;
  /** As it was asked for: a path with its query, or a whole URL. */
  readonly target: string;
}

/** A line that is not of the format: why, in a constant sentence. */
export interface UnreadableLine {
  readonly unreadable: string;
}

const QUOTED = String.raw`"((?:[^"\\]|\\.)*)"`;
// The user is what a client claims to be and may hold spaces. Fields after the last one that we know are other
// people's additions (nginx' own `main` format appends X-Forwarded-For).
const COMMON = String.raw`^(\S+) \S+ .*? \[([^\]]{20,40})\] ${QUOTED} (\d{3}) (\d{1,15}|-)`;
const PATTERNS: Readonly<Record<LogFormat, RegExp>> = {
  common: new RegExp(`${COMMON}(?: .*)?$`, 's'),
  combined: new RegExp(`${COMMON} ${QUOTED} ${QUOTED}(?: .*)?$`, 's'),
};

/** Reads a line (without its line break).
 *  @returns what it says, or why it can't be read; never throws */
export function parseLogLine(line: string, format: LogFormat): LogEntry | UnreadableLine {
  const match = PATTERNS[format].exec(line);
  if (match === null) return { unreadable: `not a line of the ${format} format` };
  const [, host = '', timeText = '', requestText = '', status, bytes, referrer, userAgent] = match;
  const time = parseLogTime(timeText);
  if (time === undefined) return { unreadable: 'the time is not one' };
  return {
    host,
    // A link-local address may carry its zone (fe80::1%eth0), which means nothing elsewhere.
    ...present('ip', isIP(host) === 0 ? undefined : host.replace(/%.*$/s, '')),
    time,
    ...present('request', parseRequestLine(unescapeLog(requestText))),
    status: Number(status),
    ...present('bytes', bytes === '-' ? undefined : Number(bytes)),
    ...present('referrer', given(referrer)),
    ...present('userAgent', given(userAgent)),
  };
}

const present = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });

const given = (field: string | undefined): string | undefined =>
  field === undefined || field === '' || field === '-' ? undefined : unescapeLog(field);

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const TIME = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$/;

/** Reads `17/May/2015:10:05:03 +0200`.
 *  @returns milliseconds since the epoch; undefined for a day or hour that does not exist. A leap second is the next minute's first. */
export function parseLogTime(text: string): number | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [day, year, hour, minute, second, offsetHours, offsetMinutes] = [1, 3, 4, 5, 6, 8, 9].map((at) =>
    Number(match[at]),
  ) as [number, number, number, number, number, number, number];
  const month = MONTHS.indexOf(match[2] ?? '');
  if (month < 0 || hour > 23 || minute > 59 || second > 60 || offsetHours > 14 || offsetMinutes > 59) return undefined;
  const midnight = Date.UTC(year, month, day);
  if (new Date(midnight).getUTCMonth() !== month || day === 0) return undefined;
  const offset = (match[7] === '-' ? -1 : 1) * (offsetHours * 60 + offsetMinutes);
  return midnight + ((hour * 60 + minute - offset) * 60 + second) * 1000;
}

// HTTP/0.9 has no version. A target with a blank in it is wrong, but servers answer it and log it.
const REQUEST_LINE = /^([A-Za-z]{1,20}) (\S.*?)(?: HTTP\/\d(?:\.\d)?)?$/s;

function parseRequestLine(text: string): LogRequest | undefined {
  const match = REQUEST_LINE.exec(text);
  const target = match?.[2] ?? '';
  if (match === null || !/^(\/|https?:\/\/|\*$)/i.test(target)) return undefined;
  return { method: (match[1] ?? '').toUpperCase(), target };
}

const LETTERS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', v: '\v', f: '\f' };

/** Undoes the servers' escapes: `\"`, `\\`, `\n` and the like (Apache), `\xHH` (both). Runs of `\xHH` are the bytes of UTF-8 text;
 *  bytes that are no text become U+FFFD. */
export const unescapeLog = (text: string): string =>
  text.includes('\\')
    ? text.replace(/(?:\\x[\dA-Fa-f]{2})+|\\./gs, (escape) =>
        escape.length > 2
          ? Buffer.from(escape.replaceAll('\\x', ''), 'hex').toString('utf8')
          : (LETTERS[escape[1] ?? ''] ?? escape[1] ?? ''),
      )
    : text;
