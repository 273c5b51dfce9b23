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
  const events = readLines(body);
  checkCount(events.length);
  return { events, sentAt: undefined };
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
    throw tooManyEvents({
      detail: `At most ${inputLimits.eventsPerRequest} events fit a request; this one has ${count}.`,
    });
};

const readLines = (body: Buffer): unknown[] =>
  decode(body)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      try {
        return JSON.parse(line) as unknown;
      } catch {
        return new UnreadableLine(line);
      }
    });

function parse(body: Buffer): unknown {
  const text = decode(body);
  try {
    return JSON.parse(text);
  } catch {
    throw unreadableBody({ detail: 'The body is not JSON.' });
  }
}

function decode(body: Buffer): string {
  // A lenient decoder would store U+FFFD where the sender meant something else.
  if (!isUtf8(body)) throw unreadableBody({ detail: 'The body is not UTF-8.' });
  const text = body.toString('utf8');
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}
