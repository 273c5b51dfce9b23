// How can an event's way through the pipeline end? The closed sets of reasons, each with its meaning for the documentation.
import type { FieldError } from '../../common/problem';
import type { EventRow } from './event-row';

/** Why an event was left out although nothing is wrong with it: the project, or a person, asked for that. */
export const filterReasons = {
  excluded_ip: 'The address lies in one of the project’s excluded blocks',
  excluded_country: 'The country is one of the project’s excluded countries',
  excluded_path: 'The path matches one of the project’s excluded globs',
  bot: 'The user agent is a bot’s, and the project drops bots',
  erased_visitor: 'The visitor was erased, and the event is from before that',
} as const;
export type FilterReason = keyof typeof filterReasons;

/** Why an event was refused. Refused events are kept for seven days. */
export const rejectCodes = {
  invalid_event: 'The event breaks the rules of its fields; `errors` says which',
  timestamp_before_retention: 'The event is older than the project keeps events',
  refused_by_store: 'The warehouse refused this event although it kept every rule',
} as const;
export type RejectCode = keyof typeof rejectCodes;

/** What was stored otherwise than it was sent. */
export const warningCodes = {
  timestamp_in_future: 'The time lay more than an hour ahead of the server’s, so the time of arrival was taken',
  untrusted_context_ignored:
    'Only `sec` and `adm` keys may set `context.ip` and `context.userAgent`; the connection’s were taken',
} as const;
export type WarningCode = keyof typeof warningCodes;

/** A remark on an accepted event; `path` is the field that it is about. */
export interface Warning {
  readonly path: string;
  readonly code: WarningCode;
  readonly message: string;
}

/** An event that is to be stored. */
export interface AcceptedEvent {
  readonly kind: 'event';
  readonly row: EventRow;
  readonly warnings: readonly Warning[];
  /** Whether the sender chose the id; if not, a second sending can't be recognised. */
  readonly idGiven: boolean;
  /** Whether a second sending gets the same time and visitor, so that the warehouse recognises it by its sort key alone.
   *  False where the server set or corrected the time, or derived the visitor. */
  readonly keyStable: boolean;
}

export interface FilteredEvent {
  readonly kind: 'filtered';
  readonly reason: FilterReason;
}

export interface RejectedEvent {
  readonly kind: 'rejected';
  readonly code: RejectCode;
  readonly errors: readonly FieldError[];
}

/** The end of an event's way: exactly one of these for each event received. */
export type Outcome = AcceptedEvent | FilteredEvent | RejectedEvent;

// One object a reason: a dropped event costs no memory.
const filtered = Object.fromEntries(
  Object.keys(filterReasons).map((reason) => [reason, { kind: 'filtered', reason }]),
) as unknown as Readonly<Record<FilterReason, FilteredEvent>>;

/** Ends an event's way: the project does not want it. */
export const filter = (reason: FilterReason): FilteredEvent => filtered[reason];

/** Ends an event's way: it can't be accepted. Without `errors` the code's own meaning is the message, at `path`. */
export const reject = (code: RejectCode, path: string, errors?: readonly FieldError[]): RejectedEvent => ({
  kind: 'rejected',
  code,
  errors: errors ?? [{ path, code, message: rejectCodes[code] }],
});

/** Adds nothing but a remark. */
export const warning = (code: WarningCode, path: string): Warning => ({ path, code, message: warningCodes[code] });
