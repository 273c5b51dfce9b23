// How are events read from the warehouse? All of this folder's queries run here; rows leave as what the API shows.
import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import { toRuns } from '../../common/buckets';
import { DAY_MS, type TimeRange } from '../../common/time-range';
import { ClickHouse, type ReadOptions } from '../../platform/clickhouse/clickhouse';
import type { Sql } from '../../platform/clickhouse/sql';
import { needsOfFilter } from '../query/filters';
import { findSessionScan } from '../query/session-scan';
import type { Caller } from '../../platform/http/caller';
import {
  countsByBucket,
  frequentNames,
  propertyKeysPage,
  propertyValues,
  type Slice,
  summaryPage,
} from './event-figures.queries';
import { eventById, type EventOrder, type EventPlace, eventsPage, firstEvent } from './events-list.queries';
import { exportEvents, type ExportFormat } from './export.queries';
import { rejectedPage, type RejectPlace } from './rejected.queries';
import { type EventRead, growingWindows, isPlain, shown } from './selection';
import type { StoredEventRow } from './stored-event';

/** A page of the list by time. */
export interface PageAsked {
  readonly order: EventOrder;
  readonly limit: number;
  /** The last event that was seen. */
  readonly after?: EventPlace;
  /** The moment of asking. */
  readonly now: number;
}

/** Beyond this it pays to look up where a project begins. */
const FAR_MS = 64 * DAY_MS;

/** A name's figures; times in milliseconds. */
export interface SummaryRow {
  name: string;
  events: number;
  visitors: number;
  firstMs: number;
  lastMs: number;
}

/** A key of properties, and how many values of each type it has. */
export interface PropertyKeyRow {
  key: string;
  events: number;
  types: Record<string, number>;
}

/** A refused event; `errors` and `payload` are JSON texts, which may have been cut. */
export interface RejectedRow {
  rejectId: string;
  receivedMs: number;
  eventId: string;
  name: string;
  code: string;
  errors: string;
  payload: string;
}

@Injectable()
export class EventsReadRepository {
  constructor(private readonly clickhouse: ClickHouse) {}

  /** Up to `limit` events in the order asked for. Where any part of the range can be read on its own, the walk stops at the
   *  part that fills the page. @throws storeUnavailable, queryTooLarge */
  async page(read: EventRead, asked: PageAsked, caller: Caller): Promise<StoredEventRow[]> {
    const { order, limit, after } = asked;
    const options = { purpose: 'events list', project: read.project, ...caller };
    if (!isPlain(read)) return this.#rows(eventsPage(await this.#scanned(read, caller), order, limit, after), options);
    const found: StoredEventRow[] = [];
    for await (const range of this.#windows(read, asked, caller)) {
      const missing = limit - found.length;
      found.push(...(await this.#rows<StoredEventRow>(eventsPage({ ...read, range }, order, missing, after), options)));
      if (found.length >= limit) break;
    }
    return found;
  }

  /** The event of an id, looked for in each range in turn. */
  async byId(
    read: Omit<EventRead, 'range'>,
    id: string,
    ranges: readonly TimeRange[],
    caller: Caller,
  ): Promise<StoredEventRow | undefined> {
    for (const range of ranges) {
      const [row] = await this.#rows<StoredEventRow>(eventById({ ...read, range }, id), {
        purpose: 'event by id',
        project: read.project,
        ...caller,
      });
      if (row !== undefined) return row;
    }
    return undefined;
  }

  /** When the project's first event happened, in milliseconds; undefined: it has none.
   *  @param since older ones are not shown */
  async firstEventAt(project: number, since: number | undefined, caller: Caller): Promise<number | undefined> {
    const options = { purpose: 'first event', project, ...caller };
    const [row] = await this.#rows<{ ms: number }>(firstEvent(project, since), options);
    return row?.ms;
  }

  /** Figures per name, by name. */
  async summary(read: EventRead, slice: Slice, caller: Caller): Promise<SummaryRow[]> {
    const options = { purpose: 'events summary', project: read.project, ...caller };
    return this.#rows(summaryPage(await this.#scanned(read, caller), slice), options);
  }

  /** The most frequent names of a read. */
  async frequentNames(read: EventRead, limit: number, caller: Caller): Promise<string[]> {
    const rows = await this.#rows<{ name: string }>(frequentNames(await this.#scanned(read, caller), limit), {
      purpose: 'frequent event names',
      project: read.project,
      ...caller,
    });
    return rows.map(({ name }) => name);
  }

  /** How many of each name began in each bucket; buckets without any are left out. @param starts ascending, from the range's beginning */
  async counts(
    read: EventRead,
    starts: readonly number[],
    caller: Caller,
  ): Promise<{ start: number; name: string; events: number }[]> {
    return this.#rows(countsByBucket(await this.#scanned(read, caller), toRuns(starts)), {
      purpose: 'events time series',
      project: read.project,
      ...caller,
    });
  }

  /** Keys of properties and their types, by key. */
  async propertyKeys(read: EventRead, slice: Slice, caller: Caller): Promise<PropertyKeyRow[]> {
    return this.#rows(propertyKeysPage(await this.#scanned(read, caller), slice), {
      purpose: 'property keys',
      project: read.project,
      ...caller,
    });
  }

  /** The most frequent values of a key, as JSON texts. */
  async propertyValues(
    read: EventRead,
    key: string,
    limit: number,
    search: string | undefined,
    caller: Caller,
  ): Promise<{ json: string; events: number }[]> {
    return this.#rows(propertyValues(await this.#scanned(read, caller), key, limit, search), {
      purpose: 'property values',
      project: read.project,
      ...caller,
    });
  }

  /** Refused events, newest first. */
  async rejected(
    project: number,
    range: TimeRange,
    code: string | undefined,
    limit: number,
    after: RejectPlace | undefined,
    caller: Caller,
  ): Promise<RejectedRow[]> {
    const options = { purpose: 'rejected events', project, ...caller };
    return this.#rows(rejectedPage(project, range, code, limit, after), options);
  }

  /** Events as the engine writes them, in constant memory. @throws storeUnavailable before the first byte */
  async stream(read: EventRead, format: ExportFormat, caller: Caller): Promise<Readable> {
    const written = { ndjson: 'LineAsString', csv: 'CSVWithNames', parquet: 'Parquet' } as const;
    return this.clickhouse.stream(exportEvents(format, await this.#scanned(read, caller)), written[format], {
      purpose: 'events export',
      project: read.project,
      ...caller,
    });
  }

  /** Where a walk looks next. The first window of "newest first" holds what lies ahead of the clock too; a range that goes
   *  far back is cut where the project begins, once that matters. */
  async *#windows(read: EventRead, { order, after, now }: PageAsked, caller: Caller): AsyncGenerator<TimeRange> {
    const range = shown(read);
    if (range.from >= range.to) return;
    const begin = async (): Promise<number> => (await this.firstEventAt(read.project, read.since, caller)) ?? range.to;
    if (order === 'asc') {
      const from = after === undefined ? Math.max(range.from, await begin()) : Math.max(range.from, after.tsMs);
      const present = Math.max(from, Math.min(range.to, now + DAY_MS));
      yield* growingWindows({ from, to: present }, order);
      if (present < range.to) yield { from: present, to: range.to };
      return;
    }
    const to = after === undefined ? range.to : Math.min(range.to, after.tsMs + 1);
    const recent = Math.max(range.from, Math.min(to, now) - DAY_MS);
    yield { from: recent, to };
    const from = recent - range.from > FAR_MS ? Math.max(range.from, await begin()) : range.from;
    yield* growingWindows({ from, to: recent }, order, 8 * DAY_MS);
  }

  async #scanned(read: EventRead, caller: Caller): Promise<EventRead> {
    if (!needsOfFilter(read.filter).sessions) return read;
    const run = <T>(query: Sql): Promise<T[]> =>
      this.#rows<T>(query, { purpose: 'session scan', project: read.project, ...caller });
    return { ...read, sessions: await findSessionScan(run, read.project, read.range) };
  }

  #rows<T>(query: Sql, options: ReadOptions): Promise<T[]> {
    return this.clickhouse.rows<T>(query, options);
  }
}
