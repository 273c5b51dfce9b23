// What events are in a body? Pure: from bytes to a list of values, before any of them is looked at.
import { isUtf8 } from 'node:buffer';
import { invalidInput, problem, unreadableBody } from '../../common/problem';
import { inputLimits, validateBatch } from '../event-input';
import { toEpochMs } from '../pipeline/formats';

/** More events than a request may bring. */
export const tooManyEvents = problem(413, 'too_many_events', 'The request holds too many events');

/** A line of NDJSON that is no JSON. It is refused alone; the others are not. */
export class UnreadableLine {
  constructor(readonly text: string) {}
}

/** The events of a request, in the order sent. */
export interface EventList {
  readonly events: readonly unknown[];
  /** When the sender sent them by its own clock, milliseconds; undefined where it does not say. */
  readonly sentAt: number | undefined;
}

/** Reads the body of `POST /events`: one event.
 *  @throws unreadableBody, invalidInput */
export const readSingle = (body: Buffer): EventList => ({ events: [parse(body)], sentAt: undefined });

/** Reads the body of `POST /events/batch`.
 *  @param ndjson one event a line, instead of `{ sentAt?, events }`
 *  @throws unreadableBody, invalidInput, tooManyEvents */
export function readBatch(body: Buffer, ndjson: boolean): EventList {
  if (!ndjson) return readEnvelope(parse(body));
  return { events: readLines(body), sentAt: undefined };
}

function readEnvelope(value: unknown): EventList {
  const events = (value as { events?: unknown } | null)?.events;
  // Too many is a matter of size (413), not of form, so it is asked first.
  if (Array.isArray(events)) checkCount(events.length);
  const { ok, errors } = validateBatch(value);
  if (ok === undefined) throw invalidInput({ errors });
  return { events: ok.events, sentAt: ok.sentAt === undefined ? undefined : toEpochMs(ok.sentAt) };
}

const checkCount = (count: number): void => {
  if (count > inputLimits.eventsPerRequest)
    throw tooManyEvents({ detail: `At most ${inputLimits.eventsPerRequest} events fit a request.` });
};

const LINE_FEED = 0x0a;
const isBlank = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === LINE_FEED || byte === 0x0d || byte === 0x09;

/** TRICKY: no line is read before it is known that there are not too many: ten megabytes hold millions, and each that is no JSON
 *  costs an error with its stack. */
function readLines(given: Buffer): unknown[] {
  const body = decode(given);
  const lines: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    if (isBlank(body[at])) {
      at += 1;
      continue;
    }
    const end = body.indexOf(LINE_FEED, at);
    lines.push(body.subarray(at, end < 0 ? body.length : end));
    checkCount(lines.length);
    at = end < 0 ? body.length : end + 1;
  }
  return lines.map((line) => {
    const text = line.toString('utf8');
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return new UnreadableLine(text.trimEnd());
    }
  });
}

function parse(body: Buffer): unknown {
  const text = decode(body).toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw unreadableBody({ detail: 'The body is not JSON.' });
  }
}

const BYTE_ORDER_MARK = Buffer.from('\uFEFF');

function decode(body: Buffer): Buffer {
  // A lenient decoder would store U+FFFD where the sender meant something else.
  if (!isUtf8(body)) throw unreadableBody({ detail: 'The body is not UTF-8.' });
  const isMarked = body.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  return isMarked ? body.subarray(BYTE_ORDER_MARK.length) : body;
}
