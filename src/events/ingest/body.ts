// What events are in a body? From bytes to a list of values, before any of them is looked at. A long body is read event by event, so that
// others have their turn in between.
import { isUtf8 } from 'node:buffer';
import { type FieldError, invalidInput, problem, unreadableBody } from '../../common/problem';
import { MAX_DEPTH, MAX_NAMES, MAX_VALUES } from '../../platform/http/body-shape';
import { type JsonShape, measureJson, walkJson } from '../../platform/http/json-shape';
import { inputLimits, validateBatch } from '../event-input';
import { toEpochMs } from '../pipeline/formats';
import { eachInTurn, inTurn } from './turns';

/** More events than a request may bring. */
export const tooManyEvents = problem(413, 'too_many_events', 'The request holds too many events');

/** An event that was not read: a line that is no JSON, or of a shape that no event has. It is refused alone; the others are not. */
export class UnreadEvent {
  /** @param text how it begins */
  constructor(
    readonly text: string,
    readonly fault: FieldError,
  ) {}
}

/** The events of a request, in the order sent. */
export interface EventList {
  readonly events: readonly unknown[];
  /** When the sender sent them by its own clock, milliseconds; undefined where it does not say. */
  readonly sentAt: number | undefined;
}

/** Reads the body of `POST /events`: one event.
 *  @throws unreadableBody, invalidInput */
export function readSingle(given: Buffer): EventList {
  const body = decode(given);
  return { events: [body.length > QUICK_BYTES ? readEvent(body, measureJson(body)) : parse(body)], sentAt: undefined };
}

/** Reads the body of `POST /events/batch`.
 *  @param ndjson one event a line, instead of `{ sentAt?, events }`
 *  @throws unreadableBody, invalidInput, tooManyEvents */
export async function readBatch(given: Buffer, ndjson: boolean): Promise<EventList> {
  const body = decode(given);
  if (ndjson) return { events: await readLines(body), sentAt: undefined };
  return body.length > QUICK_BYTES ? readApart(body) : inTurn(() => readEnvelope(parse(body)));
}

/** A shorter body is parsed in one piece: in the worst case that takes a sixteenth of a second. */
const QUICK_BYTES = 262_144;

function readEnvelope(value: unknown): EventList {
  const events = (value as { events?: unknown } | null)?.events;
  // Too many is a matter of size (413), not of form, so it is asked first.
  if (Array.isArray(events)) checkCount(events.length);
  const { ok, errors } = validateBatch(value);
  if (ok === undefined) throw invalidInput({ errors });
  return { events: ok.events, sentAt: ok.sentAt === undefined ? undefined : toEpochMs(ok.sentAt) };
}

/** Lists and objects on the third level are events, where all is well. */
const ABOVE_EVENTS = 2;
/** What may be a place for something on the third level: entries of `events`, and as many fields as any object may have. */
const MOST_PLACES = inputLimits.eventsPerRequest + MAX_NAMES;

/** Reads a batch's envelope with a number in brackets in each event's place, then the events one by one.
 *  TRICKY: nothing on that level is in brackets now but these numbers, so none can be taken for one. */
async function readApart(body: Buffer): Promise<EventList> {
  const parts: (JsonShape & { at: number })[] = [];
  const pieces: string[] = [];
  let copied = 0;
  let names = 0;
  let entries = 1;
  walkJson(body, ABOVE_EVENTS, {
    below: (at) => {
      if (parts.length === MOST_PLACES) throw notJson();
      const shape = measureJson(body, at);
      pieces.push(body.toString('utf8', copied, at), `[${parts.length}]`);
      parts.push({ ...shape, at });
      copied = shape.end;
      return shape.end;
    },
    comma: (level, inList) => {
      if (level === ABOVE_EVENTS && inList) checkCount((entries += 1));
      else if ((names += 1) > MAX_NAMES)
        throw invalidInput({
          errors: [{ path: '', code: 'too_many_keys', message: `must not have more than ${MAX_NAMES} fields` }],
        });
    },
  });
  pieces.push(body.toString('utf8', copied));
  const { events: places, sentAt } = readEnvelope(parse(pieces.join('')));
  const events: unknown[] = [];
  await eachInTurn(places, (place) => {
    const part = Array.isArray(place) ? parts[place[0] as number] : undefined;
    events.push(part === undefined ? place : readEvent(body.subarray(part.at, part.end), part));
  });
  return { events, sentAt };
}

/** Parses an event whose shape an event may have: one that is right has four levels and a few thousand values. */
function readEvent(text: Buffer, { depth, marks }: JsonShape): unknown {
  if (depth > MAX_DEPTH) return unread(text, 'too_deep', `must not be nested deeper than ${MAX_DEPTH} levels`);
  if (marks > 2 * MAX_VALUES) return unread(text, 'too_large', `must not hold more than ${MAX_VALUES} values`);
  return parse(text);
}

/** So much of what is not read is kept; more is not shown to anybody. */
const EXCERPT_BYTES = 32_768;
const unread = (text: Buffer, code: string, message: string): UnreadEvent =>
  new UnreadEvent(text.toString('utf8', 0, EXCERPT_BYTES).trimEnd(), { path: '', code, message });

const checkCount = (count: number): void => {
  if (count > inputLimits.eventsPerRequest)
    throw tooManyEvents({ detail: `At most ${inputLimits.eventsPerRequest} events fit a request.` });
};

const LINE_FEED = 0x0a;
const isBlank = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === LINE_FEED || byte === 0x0d || byte === 0x09;

/** TRICKY: no line is read before it is known that there are not too many: ten megabytes hold millions, and each that is no JSON
 *  costs an error with its stack. */
async function readLines(body: Buffer): Promise<unknown[]> {
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
  const events: unknown[] = [];
  await eachInTurn(lines, (line) => {
    try {
      events.push(body.length > QUICK_BYTES ? readEvent(line, measureJson(line)) : parse(line));
    } catch {
      events.push(unread(line, 'unreadable', 'must be JSON'));
    }
  });
  return events;
}

const notJson = () => unreadableBody({ detail: 'The body is not JSON.' });

function parse(text: Buffer | string): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    throw notJson();
  }
}

const BYTE_ORDER_MARK = Buffer.from('\uFEFF');

function decode(body: Buffer): Buffer {
  // A lenient decoder would store U+FFFD where the sender meant something else.
  if (!isUtf8(body)) throw unreadableBody({ detail: 'The body is not UTF-8.' });
  const isMarked = body.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  return isMarked ? body.subarray(BYTE_ORDER_MARK.length) : body;
}
