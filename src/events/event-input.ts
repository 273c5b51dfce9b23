// What may an event be? The one declaration: the documentation shows these schemas, and the check of each event is compiled from them.
import type { FieldError } from '../common/problem';
import { compile, Findings } from './pipeline/compile-schema';
import type { Schema } from './pipeline/compile-schema';

/** Limits of a request and of an event; the transport keeps the first two, after decoding. */
export const inputLimits = {
  eventsPerRequest: 2_000,
  bytesPerRequest: 10_485_760,
  bytesPerEvent: 32_768,
  bytesOfProperties: 8_192,
  keysOfProperties: 255,
  depthOfProperties: 3,
} as const;

const identifier = (description: string): Schema => ({ type: 'string', minLength: 1, maxLength: 200, description });

const time = (description: string): Schema => ({
  type: ['string', 'integer'],
  format: 'date-time',
  description: `${description} ISO 8601 with an offset or \`Z\`, or epoch milliseconds, between 1971 and 2261.`,
  examples: ['2026-03-01T09:30:00.250Z', 1772357400250],
});

/** The schema of one event, JSON Schema 2020-12 as OpenAPI 3.1 takes it. Lengths count Unicode code points. */
export const eventSchema = {
  type: 'object',
  title: 'Event',
  description:
    'Something that happened. Unknown fields are refused, at every level. At most 32 KB as compact JSON. Lengths count Unicode code points; no text may hold NUL or a lone surrogate.',
  required: ['name'],
  additionalProperties: false,
  properties: {
    id: {
      type: 'string',
      format: 'uuid',
      description:
        'The idempotency key: the same id in the same project counts once, however often it is sent. A version 7 UUID also carries the time, where `timestamp` is missing.',
      examples: ['0195526c-5b7a-7c3e-9d0a-2f6b1f0c9a11'],
    },
    name: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      description: 'What happened; `pageview` is the one with page metrics.',
      examples: ['pageview', 'signup'],
    },
    timestamp: time(
      'When it happened. Default: the time in a version 7 `id`, else the time of arrival. More than an hour ahead of the server: the time of arrival, with a warning. Before the project’s retention: rejected.',
    ),
    visitorId: identifier(
      'Who, as the sender knows a browser or device. Stored hashed. Without it and `userId` the visitor is derived from address and user agent, for one day.',
    ),
    userId: identifier('Who, as the sender knows an account. Stored hashed; it links the visitors it is seen with.'),
    sessionId: identifier('Which session. Stored hashed. Default: 30 minutes of silence end a session.'),
    url: {
      type: 'string',
      format: 'uri-reference',
      maxLength: 2_048,
      description: 'An absolute URL, or a path that begins with `/`. Host, path, query and `utm_*` are taken from it.',
      examples: ['https://shop.example/shoes?utm_source=newsletter&utm_medium=email'],
    },
    referrer: {
      type: 'string',
      maxLength: 2_048,
      description: 'Where the visitor came from, as the browser says it; empty for nowhere.',
      examples: ['https://www.google.com/'],
    },
    title: { type: 'string', maxLength: 512, description: 'Title of the page.', examples: ['Shoes'] },
    properties: {
      type: 'object',
      additionalProperties: true,
      maxProperties: inputLimits.keysOfProperties,
      propertyNames: { minLength: 1, maxLength: 200 },
      'x-max-depth': inputLimits.depthOfProperties,
      'x-max-bytes': inputLimits.bytesOfProperties,
      description:
        'Anything else, as JSON; values come back with their types. At most 255 keys, 8 KB as compact JSON, and 3 levels of objects and lists, this one counted.',
      examples: [{ plan: 'pro', seats: 5, trial: false }],
    },
    revenue: {
      type: 'object',
      required: ['amount', 'currency'],
      additionalProperties: false,
      description: 'What was earned, or given back.',
      properties: {
        amount: {
          type: ['string', 'number'],
          format: 'decimal',
          description:
            'A decimal text (exact) or a number, at most 14 digits before the point and 4 after it; negative for a refund.',
          examples: ['19.99', -5],
        },
        currency: {
          type: 'string',
          format: 'currency',
          minLength: 3,
          maxLength: 3,
          description: 'ISO 4217 code.',
          examples: ['EUR'],
        },
      },
    },
    context: {
      type: 'object',
      additionalProperties: false,
      description: 'Where it happened.',
      properties: {
        ip: {
          type: 'string',
          format: 'ip',
          maxLength: 45,
          description: 'The visitor’s address; only from a `sec` or `adm` key, else the connection’s is taken.',
          examples: ['203.0.113.7'],
        },
        userAgent: {
          type: 'string',
          maxLength: 1_024,
          description: 'The visitor’s user agent; only from a `sec` or `adm` key, else the header’s is taken.',
        },
        locale: {
          type: 'string',
          format: 'locale',
          maxLength: 35,
          description: 'Language tag.',
          examples: ['en-GB'],
        },
        timezone: {
          type: 'string',
          format: 'timezone',
          maxLength: 64,
          description: 'IANA time zone.',
          examples: ['Europe/Berlin'],
        },
        screen: {
          type: 'object',
          required: ['width', 'height'],
          additionalProperties: false,
          description: 'Size of the screen in pixels.',
          properties: {
            width: { type: 'integer', minimum: 0, maximum: 100_000, examples: [1920] },
            height: { type: 'integer', minimum: 0, maximum: 100_000, examples: [1080] },
          },
        },
      },
    },
  },
  examples: [
    {
      id: '0195526c-5b7a-7c3e-9d0a-2f6b1f0c9a11',
      name: 'pageview',
      timestamp: '2026-03-01T09:30:00.250Z',
      visitorId: 'b1946ac9',
      url: 'https://shop.example/shoes?utm_source=newsletter&utm_medium=email',
      referrer: 'https://www.google.com/',
      title: 'Shoes',
      properties: { plan: 'pro' },
    },
  ],
} as const satisfies Schema;

/** The schema of a batch. Its events are checked one by one, so that a bad one never costs the others. */
export const eventBatchSchema = {
  type: 'object',
  title: 'EventBatch',
  description: 'Up to 2,000 events. Each is answered for itself; a bad one never costs its batch.',
  required: ['events'],
  additionalProperties: false,
  properties: {
    sentAt: time(
      'When the sender sent this, by its own clock. Where it differs from the server’s by more than a minute, the events’ own times are moved by the difference.',
    ),
    events: { type: 'array', maxItems: inputLimits.eventsPerRequest, items: eventSchema },
  },
} as const satisfies Schema;

/** An event that keeps the rules above, as it was sent. */
export interface EventInput {
  readonly id?: string;
  readonly name: string;
  readonly timestamp?: string | number;
  readonly visitorId?: string;
  readonly userId?: string;
  readonly sessionId?: string;
  readonly url?: string;
  readonly referrer?: string;
  readonly title?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly revenue?: { readonly amount: string | number; readonly currency: string };
  readonly context?: {
    readonly ip?: string;
    readonly userAgent?: string;
    readonly locale?: string;
    readonly timezone?: string;
    readonly screen?: { readonly width: number; readonly height: number };
  };
}

/** A batch whose envelope is right; its events are still to be checked. */
export interface EventBatchInput {
  readonly sentAt?: string | number;
  readonly events: readonly unknown[];
}

/** What was asked for, or at most twenty reasons why not. */
export type Checked<T> =
  { readonly ok: T; readonly errors?: undefined } | { readonly ok?: undefined; readonly errors: FieldError[] };

const checkEvent = compile(eventSchema);
const checkBatch = compile(eventBatchSchema);

/** Checks one event. Never throws, whatever JSON holds; `ok` is the very object that was given.
 *  @returns `errors` with `path` (`revenue.amount`; "" for the whole event), a stable `code` and a sentence */
export function validateEvent(value: unknown): Checked<EventInput> {
  const found = new Findings();
  checkEvent(value, found);
  if (found.faults.length > 0) return { errors: found.faults };
  // The bound is far above what most events take, so few are ever serialised to be measured; 1,500 covers names, numbers and braces.
  if (
    found.bytesAtMost + 1_500 > inputLimits.bytesPerEvent &&
    Buffer.byteLength(JSON.stringify(value)) > inputLimits.bytesPerEvent
  ) {
    return {
      errors: [
        { path: '', code: 'too_large', message: `must take at most ${inputLimits.bytesPerEvent} bytes as JSON` },
      ],
    };
  }
  return { ok: value as EventInput };
}

/** Checks a batch's envelope: its fields, `sentAt`, and how many events there are. */
export function validateBatch(value: unknown): Checked<EventBatchInput> {
  const found = new Findings();
  checkBatch(value, found);
  return found.faults.length > 0 ? { errors: found.faults } : { ok: value as EventBatchInput };
}
