// What do ingest steps work on? The context of a request, and the draft that becomes a row.
import type { Project } from '../../projects/projects.types';
import type { EventInput } from '../event-input';
import type { EventRow } from './event-row';
import type { FilteredEvent, RejectedEvent, Warning } from './outcomes';

/** Where an address is; empty where that isn't known. `country` is ISO 3166-1 alpha-2. */
export interface GeoRecord {
  readonly country: string;
  readonly region: string;
  readonly city: string;
}

/** Everything that the steps may know besides the event: no step reads a clock, a store or the environment. */
export interface IngestContext {
  readonly project: Project;
  /** When the request arrived, whole epoch milliseconds. */
  readonly receivedAt: number;
  /** When the sender says that it sent the request, by its own clock, epoch milliseconds. */
  readonly sentAt?: number;
  /** The earliest time that the project keeps, epoch milliseconds; `-Infinity` where it keeps all. */
  readonly retainedFrom: number;
  /** The connection's address, proxies resolved. */
  readonly address: string;
  /** The `User-Agent` header; empty where there is none. */
  readonly userAgent: string;
  /** Whether the key (`sec`, `adm` or root) may set `context.ip` and `context.userAgent`. */
  readonly trusted: boolean;
  /** The salt of a UTC day (`YYYY-MM-DD`), undefined where it is forgotten or never was; the day of `receivedAt` must have one. */
  readonly saltOf: (day: string) => Buffer | undefined;
  readonly geo: (address: string) => GeoRecord;
  /** Up to when a visitor or user, a hash as decimal text, was erased; undefined: never. Left out where nobody of the project was. */
  readonly erasedAt?: (hash: string) => number | undefined;
  /** Makes the id of an event that brings none: a version 7 UUID. */
  readonly newId: () => string;
}

/** An event on its way. A draft belongs to one run alone, so steps change it in place: a copy for each step would cost more than the steps. */
export interface EventDraft {
  readonly input: EventInput;
  readonly row: EventRow;
  readonly warnings: Warning[];
  keyStable: boolean;
  /** The visitor's address in one form, '' where there is none. Kept in the row only if the project asks for it. */
  address: string;
  /** Name of the advertiser's click id in the URL (`gclid`), '' for none. */
  clickId: string;
  /** The visitor's user agent. */
  userAgent: string;
}

/** One rule of the pipeline: changes the draft, or ends its way with `filter(reason)` or `reject(code)`. Its name is the metric's label.
 *
 *  A step is pure: what it needs to know is in the draft and the context. To add one, append it to the list:
 *  `runPipeline(input, context, [...ingestSteps, hideInternalNames])`, where
 *  `const hideInternalNames: IngestStep = ({ row }) => { if (row.hostname.endsWith('.corp')) row.hostname = ''; return undefined; }`. */
export type IngestStep = (draft: EventDraft, context: IngestContext) => FilteredEvent | RejectedEvent | undefined;
