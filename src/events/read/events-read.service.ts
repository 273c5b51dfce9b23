// What does a reader's question mean? Turns parameters into a read, asks the repository, and shapes the answer.
import { isCleanText } from '../../common/clean-text';
import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import { bucketStarts, type Interval } from '../../common/buckets';
import { Clock } from '../../common/clock';
import { decodeCursor, type Page, toPage } from '../../common/cursor';
import { isUuid, timeOfId } from '../../common/ids';
import { resolveRange, resolveTimeZone } from '../../common/period';
import { invalidInput, notFound, type Problem } from '../../common/problem';
import { DAY_MS, type TimeRange } from '../../common/time-range';
import { isoInZone } from '../../common/time-zone';
import { type Project, shownFrom } from '../../projects';
import { hashIdentifier, type IdentifierKind } from '../pipeline';
import { parseFilterText } from '../query/filters';
import { STORABLE } from '../query/source';
import type { EventDto, JsonValue } from './event.dto';
import {
  type EventIdentityQuery,
  type EventRangeQuery,
  type EventSelectionQuery,
  type EventSummaryDto,
  type EventSummaryQuery,
  type EventTimeseriesDto,
  type EventTimeseriesQuery,
  type ExportEventsQuery,
  type ListEventsQuery,
  type ListRejectedQuery,
  MAX_SERIES,
  type PropertyKeyDto,
  type PropertyKeysQuery,
  type PropertyValueDto,
  type PropertyValuesQuery,
  type RejectedEventDto,
} from './events-read.dto';
import { EventsReadRepository } from './events-read.repository';
import type { Caller } from '../../platform/http/caller';
import type { EventPlace } from './events-list.queries';
import { toRejectedEventDto } from './rejected-event';
import type { EventRead } from './selection';
import { toEventDto } from './stored-event';

/** Days that refused events are kept. */
const REJECTED_KEPT_MS = 7 * DAY_MS;
/** Buckets of one time series. */
const MAX_BUCKETS = 10_000;
/** How far a version 7 id's own time may lie from the event's: a clock's error, or a time that was sent beside it. */
const NEAR_MS = DAY_MS;

@Injectable()
export class EventsReadService {
  constructor(
    private readonly events: EventsReadRepository,
    private readonly clock: Clock,
  ) {}

  /** A page of single events. Without a range: of all time. */
  async list(project: Project, query: ListEventsQuery, caller: Caller): Promise<Page<EventDto>> {
    const { order, limit, cursor } = query;
    const asked = {
      order,
      limit: limit + 1,
      now: this.clock.now(),
      ...(cursor === undefined ? {} : { after: toPlace(cursor) }),
    };
    const rows = await this.events.page(this.#read(project, query), asked, caller);
    return toPage(rows, limit, ({ tsMs, eventId }) => [tsMs, eventId], toEventDto);
  }

  /** One event. @throws notFound */
  async get(project: Project, id: string, caller: Caller): Promise<EventDto> {
    const made = timeOfId(id);
    const near = made === undefined ? [] : [{ from: made - NEAR_MS, to: made + NEAR_MS }];
    const row = await this.events.byId(this.#scope(project), id, [...near, STORABLE], caller);
    if (row === undefined) throw notFound({ detail: 'The project has no event of this id.' });
    return toEventDto(row);
  }

  /** Figures per name. Without a range: of all time. */
  async summary(project: Project, query: EventSummaryQuery, caller: Caller): Promise<Page<EventSummaryDto>> {
    const rows = await this.events.summary(this.#read(project, query), toSlice(query), caller);
    return toPage(
      rows,
      query.limit,
      ({ name }) => [name],
      ({ firstMs, lastMs, ...row }) => ({
        ...row,
        firstSeenAt: new Date(firstMs).toISOString(),
        lastSeenAt: new Date(lastMs).toISOString(),
      }),
    );
  }

  /** How many of each name in each bucket of a range, zeros included. @throws invalidInput, also without a range or with too many buckets */
  async timeseries(project: Project, query: EventTimeseriesQuery, caller: Caller): Promise<EventTimeseriesDto> {
    const timezone = resolveTimeZone(query.timezone, project.timezone);
    const scope = this.#scope(project);
    const firstEventAt =
      query.period === 'all' ? await this.events.firstEventAt(project.number, scope.since, caller) : undefined;
    const now = this.clock.now();
    const range = resolveRange(query, firstEventAt === undefined ? { timezone, now } : { timezone, now, firstEventAt });
    const starts = bucketStarts(range, query.interval, timezone, MAX_BUCKETS);
    if (starts === undefined) throw tooManyBuckets(query.interval);
    const filter = parseFilterText(query.filters, 'filters', { goals: false });
    const read: EventRead = { ...scope, range, ...(filter === undefined ? {} : { filter }) };
    const names = query.names ?? (await this.events.frequentNames(read, MAX_SERIES, caller));
    const counts = new Map<string, number>();
    for (const row of names.length === 0 ? [] : await this.events.counts({ ...read, names }, starts, caller))
      counts.set(`${row.start} ${row.name}`, row.events);
    return {
      data: starts.map((start) => ({
        time: isoInZone(timezone, start),
        counts: Object.fromEntries(names.map((name) => [name, counts.get(`${start} ${name}`) ?? 0])),
      })),
      meta: {
        from: isoInZone(timezone, range.from),
        to: isoInZone(timezone, range.to),
        timezone,
        interval: query.interval,
        names,
      },
    };
  }

  /** Keys of properties. Without a range: of all time. */
  async propertyKeys(project: Project, query: PropertyKeysQuery, caller: Caller): Promise<Page<PropertyKeyDto>> {
    const rows = await this.events.propertyKeys(this.#read(project, query), toSlice(query), caller);
    return toPage(
      rows,
      query.limit,
      ({ key }) => [key],
      (row) => row,
    );
  }

  /** The most frequent values of a key. A key that nobody sent has none. */
  async propertyValues(
    project: Project,
    key: string,
    { search, limit, ...query }: PropertyValuesQuery,
    caller: Caller,
  ): Promise<Page<PropertyValueDto>> {
    const rows = await this.events.propertyValues(this.#read(project, query), key, limit, search, caller);
    const data = rows.map(({ json, events }) => ({ value: JSON.parse(json) as JsonValue, events }));
    return { data, page: { next: null } };
  }

  /** Events that were refused in the last seven days, newest first. */
  async rejected(project: Project, query: ListRejectedQuery, caller: Caller): Promise<Page<RejectedEventDto>> {
    const { code, limit, cursor } = query;
    const asked = this.#range(project, query);
    const range = { from: Math.max(asked.from, this.clock.now() - REJECTED_KEPT_MS), to: asked.to };
    const place = cursor === undefined ? undefined : toPlace(cursor);
    const after = place === undefined ? undefined : { receivedMs: place.tsMs, rejectId: place.eventId };
    const rows = await this.events.rejected(project.number, range, code, limit + 1, after, caller);
    return toPage(rows, limit, ({ receivedMs, rejectId }) => [receivedMs, rejectId], toRejectedEventDto);
  }

  /** The events of a file, as rows of the format. @throws storeUnavailable before the first byte */
  async export(project: Project, query: ExportEventsQuery, caller: Caller): Promise<Readable> {
    return this.events.stream(this.#read(project, query), query.format, caller);
  }

  #read(project: Project, query: EventSelectionQuery & EventIdentityQuery): EventRead {
    const { name, visitorId, userId, sessionId } = query;
    const filter = parseFilterText(query.filters, 'filters', { goals: false });
    return {
      ...this.#scope(project),
      range: this.#range(project, query),
      ...(name === undefined ? {} : { name }),
      ...(visitorId === undefined ? {} : { visitorIds: hashesOf(project, 'v', visitorId) }),
      ...(userId === undefined ? {} : { userIds: hashesOf(project, 'u', userId) }),
      ...(sessionId === undefined ? {} : { sessionIds: hashesOf(project, 's', sessionId) }),
      ...(filter === undefined ? {} : { filter }),
    };
  }

  /** Whose events, and from when on they are shown. */
  #scope(project: Project): Pick<EventRead, 'project' | 'since'> {
    const since = shownFrom(project, this.clock.now());
    return { project: project.number, ...(since === undefined ? {} : { since }) };
  }

  /** The range of a question that need not have one; either edge may be left open. */
  #range(project: Project, { period, from, to, timezone }: EventRangeQuery): TimeRange {
    const zone = resolveTimeZone(timezone, project.timezone);
    if (period === undefined && from === undefined && to === undefined) return STORABLE;
    const context = { timezone: zone, now: this.clock.now(), firstEventAt: STORABLE.from };
    if (period !== undefined) return resolveRange({ period, ...defined({ from, to }) }, context);
    return resolveRange(
      { from: from ?? new Date(STORABLE.from).toISOString(), to: to ?? new Date(STORABLE.to).toISOString() },
      context,
    );
  }
}

const defined = (edges: { from?: string | undefined; to?: string | undefined }): { from?: string; to?: string } => ({
  ...(edges.from === undefined ? {} : { from: edges.from }),
  ...(edges.to === undefined ? {} : { to: edges.to }),
});

/** Hashes that an identifier may stand for: of its text, and the text itself where it looks like one that the API shows. */
const hashesOf = (project: Project, kind: IdentifierKind, text: string): string[] => {
  const hashed = hashIdentifier(project, kind, text);
  return /^[0-9a-f]{16}$/i.test(text) ? [hashed, text.toLowerCase()] : [hashed];
};

const badCursor = (): Problem =>
  invalidInput({
    errors: [{ path: 'cursor', code: 'invalid_cursor', message: 'must be a cursor that this list returned' }],
  });

/** A cursor of the lists by time. @throws invalidInput */
export const toPlace = (cursor: string): EventPlace => {
  const [tsMs, eventId] = decodeCursor(cursor, ['number', 'string'] as const);
  if (!Number.isSafeInteger(tsMs) || tsMs < STORABLE.from || tsMs > STORABLE.to || !isUuid(eventId)) throw badCursor();
  return { tsMs, eventId };
};

/** What of a list by name is asked for. One more than the page holds tells whether there is another. */
const toSlice = ({ cursor, search, limit }: { cursor?: string; search?: string; limit: number }) => {
  const [after] = cursor === undefined ? [] : decodeCursor(cursor, ['string'] as const);
  if (after !== undefined && (after.length > 1_024 || !isCleanText(after))) throw badCursor();
  return {
    limit: limit + 1,
    ...(after === undefined ? {} : { after }),
    ...(search === undefined ? {} : { search }),
  };
};

const tooManyBuckets = (interval: Interval): Problem =>
  invalidInput({
    errors: [
      {
        path: 'interval',
        code: 'too_many_buckets',
        message: `must give at most ${MAX_BUCKETS} buckets: ask for a longer interval than ${interval}, or for a shorter range`,
      },
    ],
  });
