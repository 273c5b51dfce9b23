// What is sent for a line of an access log? The same event for the same line, in whichever week and project it is sent.
import { createHash } from 'node:crypto';
import type { EventInput } from '../../events/event-input';
import type { LogEntry } from './access-log';
import { parseUrl } from '../../common/url';

/** The site's origin (`https://example.com`) where the log does not say it: access logs hold paths only. */
export interface ToEventOptions {
  readonly site?: string;
}

/** A line's pageview.
 *
 *  Its time is the line's own and its visitor is named, not derived: nothing in the event depends on when it is sent, so that
 *  sending it again, at any later time, is the same event for the server. A visitor is a distinct address and user agent over the
 *  whole log (and the next ones), hashed here; the server hashes the result once more, with a key that is the project's own.
 *  @param id from `LineIds` */
export function toEvent(entry: LogEntry, id: string, { site }: ToEventOptions = {}): EventInput {
  const target = entry.request?.target ?? '/';
  return {
    id,
    name: 'pageview',
    timestamp: new Date(entry.time).toISOString(),
    visitorId: visitorOf(entry),
    url: site !== undefined && target.startsWith('/') ? `${site}${target}` : target,
    ...(entry.referrer !== undefined && isWebAddress(entry.referrer) ? { referrer: entry.referrer } : {}),
    properties: {
      status: entry.status,
      method: entry.request?.method ?? '',
      ...(entry.bytes === undefined ? {} : { bytes: entry.bytes }),
    },
    context: {
      ...(entry.ip === undefined ? {} : { ip: entry.ip }),
      ...(entry.userAgent === undefined ? {} : { userAgent: shorten(entry.userAgent) }),
    },
  };
}

/** The API takes 1,024 characters of a user agent; longer ones are attempts at something, and their beginning says enough. */
const shorten = (userAgent: string): string =>
  userAgent.length <= 1_024 ? userAgent : Array.from(userAgent).slice(0, 1_024).join('');

const visitorOf = (entry: LogEntry): string =>
  createHash('sha256')
    .update(`millrace access log visitor\0${entry.host}\0${entry.userAgent ?? ''}`)
    .digest('hex')
    .slice(0, 32);

const isWebAddress = (text: string): boolean => /^https?:\/\//i.test(text) && parseUrl(text) !== undefined;

const DAY_MS = 86_400_000;

/** Gives each line its event's id: from the line itself and from how many lines like it came before.
 *  Two equal lines are two requests in one second, and stay two; the same file gives the same ids each time. */
export class LineIds {
  /** How often each line was seen, by the UTC day of its time: days long gone are forgotten, so memory has a bound. */
  readonly #days = new Map<number, Map<string, number>>();
  #newestDay = Number.NEGATIVE_INFINITY;

  /** @param time the line's own, milliseconds since the epoch */
  next(line: string, time: number): string {
    const day = Math.floor(time / DAY_MS);
    const seen = this.#seenOn(day);
    const hash = createHash('sha256').update(line).digest('base64');
    const occurrence = seen.get(hash) ?? 0;
    seen.set(hash, occurrence + 1);
    return uuidOf(`${hash}\0${occurrence}`);
  }

  // Lines stand in the order in which requests ended, so one may be older than its neighbours, but hardly by two days.
  #seenOn(day: number): Map<string, number> {
    if (day > this.#newestDay) {
      this.#newestDay = day;
      for (const old of this.#days.keys()) if (old < day - 2) this.#days.delete(old);
    }
    let seen = this.#days.get(day);
    if (seen === undefined) this.#days.set(day, (seen = new Map()));
    return seen;
  }
}

/** A UUID that follows from a text: version 8 (RFC 9562), the version for rules of one's own. */
export function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = '89ab'[Number.parseInt(hex[16] ?? '0', 16) % 4] ?? '8';
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
