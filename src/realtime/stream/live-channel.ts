// What do the streams of one project in one process share? One fan-out: each message is kept once, and written once for each choice.
import { Logger } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../common/clock';
import type { Metrics } from '../../platform/metrics/metrics';
import type { GoneHashes } from '../bus/live-message';
import type { LiveEvent } from '../event/live-event';
import type { GapReason, RealtimeDto } from '../realtime.dto';
import type { RealtimeOptions } from '../realtime.options';
import { MessageRing, type KeptMessage, type SharedBytes } from './message-ring';
import type { OpenStream } from './open-stream';
import { RecentActivity, type LiveFact, type RecentRows } from './recent-activity';
import { FieldPicker, frame, View, type ViewChoice, viewKey } from './view';

/** What the warehouse is asked for a project. */
export interface LiveSource {
  snapshot(): Promise<RealtimeDto>;
  recent(): Promise<RecentRows>;
}

/** A snapshot, and the number of the last message that it certainly holds. */
export interface PlacedSnapshot {
  readonly after: number;
  readonly json: string;
}

/** A reader that catches up gets so much at a time. */
const SLICE_BYTES = 262_144;
/** A snapshot serves everybody who comes within this time: what came since follows it. */
const SNAPSHOT_MS = 1_000;
const PAGEVIEW = 'pageview';

export class LiveChannel {
  /** First part of every id: another one in each process and each life of a channel. */
  readonly epoch = randomBytes(6).toString('hex');
  readonly #logger = new Logger(LiveChannel.name);
  readonly #ring: MessageRing;
  readonly #views = new Map<string, { view: View; streams: Set<OpenStream> }>();
  readonly #pickers = new Map<string, FieldPicker>();
  readonly #timers: NodeJS.Timeout[] = [];
  #streams = 0;
  #pending: KeptMessage[] = [];
  #flushing: NodeJS.Timeout | undefined;
  #snapshot: { at: number; placed: Promise<PlacedSnapshot> } | undefined;
  #recent: RecentActivity | undefined;
  /** Facts since the warehouse was asked; undefined while it is not being asked. */
  #since: LiveFact[] | undefined;
  #refreshedAt = -Infinity;
  #changed = true;
  #told = '';

  constructor(
    private readonly source: LiveSource,
    private readonly options: RealtimeOptions,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    shared: SharedBytes,
  ) {
    this.#ring = new MessageRing(options, shared);
    this.#timers.push(
      setInterval(() => this.#tick(), options.statsEveryMs).unref(),
      setInterval(() => this.#heartbeat(), options.heartbeatEveryMs).unref(),
    );
  }

  /** How many streams are open, those that still catch up included. */
  get streams(): number {
    return this.#streams;
  }

  /** The id of the last message that a stream was given; what waits to be written is written first. */
  lastIdOf(stream: OpenStream): string {
    this.#flush();
    return this.idOf(stream.catchingUpAt ?? this.#ring.last);
  }

  idOf(number: number): string {
    return `${this.epoch}-${number}`;
  }

  /** The number that `Last-Event-ID` names, if all that came after it is still kept. */
  placeOf(lastEventId: string): number | undefined {
    const [, epoch, number] = /^([0-9a-f]{12})-(\d{1,15})$/.exec(lastEventId) ?? [];
    return epoch === this.epoch && this.#ring.holdsAfter(Number(number)) ? Number(number) : undefined;
  }

  /** Events that were stored: kept, counted, and written to every stream. One that is told again is left out. */
  deliver(events: readonly LiveEvent[]): void {
    const now = this.clock.now();
    for (const event of events) {
      if (this.#ring.hasEvent(event.id)) continue;
      this.#append('event', JSON.stringify(event), { id: event.id, name: event.name });
      const fact = factOf(event);
      this.#since?.push(fact);
      this.#recent?.add(fact, now);
      this.#changed = true;
    }
  }

  /** Takes events of erased visitors out of what is kept, and has figures worked out anew. */
  forget({ hashes, until }: GoneHashes): void {
    const gone = new Set(hashes);
    this.#flush();
    this.#ring.forget(({ data, at }) => {
      const [, visitor = '', user = ''] = OF_WHOM.exec(data) ?? [];
      return at <= until && (gone.has(visitor) || gone.has(user));
    });
    this.#snapshot = undefined;
    this.#refreshedAt = -Infinity;
    this.#changed = true;
  }

  /** Says that events may be missing. `resume` is to follow. */
  gap(reason: GapReason): void {
    this.metrics.liveGaps.inc({ reason });
    this.#append('gap', JSON.stringify({ reason }));
  }

  /** Gives every stream a new snapshot, as nothing is missing from now on. */
  async resume(): Promise<void> {
    this.#refreshedAt = -Infinity;
    this.#snapshot = undefined;
    if (this.#streams === 0) return;
    try {
      this.#append('snapshot', (await this.snapshot()).json);
    } catch {
      this.#logger.warn('a snapshot after a gap could not be made; figures follow');
    }
  }

  /** Figures of now. Those who ask at about the same time get the same one. @throws storeUnavailable, queryTooLarge */
  snapshot(): Promise<PlacedSnapshot> {
    const now = this.clock.now();
    if (this.#snapshot !== undefined && now - this.#snapshot.at < SNAPSHOT_MS) return this.#snapshot.placed;
    const after = this.#ring.last;
    const placed = this.source.snapshot().then((answer) => ({ after, json: JSON.stringify(answer) }));
    this.#snapshot = { at: now, placed };
    placed.catch(() => (this.#snapshot = undefined));
    return placed;
  }

  /** Serves a stream until it closes: what came after `place`, then everything as it comes. @returns once it has caught up */
  async serve(stream: OpenStream, choice: ViewChoice, place: number): Promise<void> {
    this.#streams += 1;
    this.#changed = true;
    // Whoever comes gets figures with the next ones, changed or not.
    this.#told = '';
    const view = this.#views.get(viewKey(choice))?.view ?? new View(choice, this.#pickerOf(choice));
    // Whatever ends the stream meanwhile, its last word bears the id of what was written last.
    let at = (stream.catchingUpAt = place);
    while (!stream.closed) {
      if (!this.#ring.holdsAfter(at)) {
        stream.write(
          frame(this.idOf(at), 'gap', JSON.stringify({ reason: 'expired' } satisfies { reason: GapReason })),
        );
        const { after, json } = await this.snapshot();
        stream.write(frame(this.idOf(after), 'snapshot', json));
        at = stream.catchingUpAt = after;
      }
      const messages = this.#ring.after(at, SLICE_BYTES);
      if (messages.length === 0) break;
      at = stream.catchingUpAt = messages.at(-1)!.number;
      await stream.writePatiently(view.write(messages, this.epoch).text);
    }
    if (stream.closed) return;
    stream.catchingUpAt = undefined;
    // TRICKY: nothing is awaited from the last look at what is kept to here; what waits to be written was read there.
    this.#flush();
    const shared = this.#views.get(view.key) ?? { view, streams: new Set() };
    shared.streams.add(stream);
    this.#views.set(view.key, shared);
  }

  /** A stream that was served has closed. */
  leave(stream: OpenStream): void {
    this.#streams -= 1;
    for (const [key, { streams }] of this.#views)
      if (streams.delete(stream) && streams.size === 0) this.#views.delete(key);
    if (this.#streams > 0) return;
    this.#recent = undefined;
    this.#pickers.clear();
  }

  /** Ends what runs by itself, and forgets what is kept. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#flushing);
    this.#ring.clear();
  }

  #append(kind: KeptMessage['kind'], data: string, of: { id?: string; name?: string } = {}): void {
    this.#pending.push(this.#ring.push({ kind, data, at: this.clock.now(), ...of }));
    this.#flushing ??= setTimeout(() => this.#flush(), this.#streams < FEW ? 0 : this.options.gatherMs);
  }

  #flush(): void {
    clearTimeout(this.#flushing);
    this.#flushing = undefined;
    const messages = this.#pending;
    if (messages.length === 0) return;
    this.#pending = [];
    for (const { view, streams } of this.#views.values()) {
      const { text, count } = view.write(messages, this.epoch);
      if (count === 0) continue;
      const bytes = Buffer.from(text);
      for (const stream of streams) stream.write(bytes);
      this.metrics.liveMessages.inc(count * streams.size);
    }
    for (const picker of this.#pickers.values()) picker.forget();
  }

  #pickerOf({ fields }: ViewChoice): FieldPicker {
    const key = JSON.stringify(fields ?? null);
    const picker = this.#pickers.get(key) ?? new FieldPicker(fields);
    this.#pickers.set(key, picker);
    return picker;
  }

  #heartbeat(): void {
    this.#ring.trim(this.clock.now());
    this.#flush();
    const beat = Buffer.from(
      frame(this.idOf(this.#ring.last), 'heartbeat', JSON.stringify({ at: new Date(this.clock.now()).toISOString() })),
    );
    for (const { streams } of this.#views.values()) for (const stream of streams) stream.write(beat);
  }

  #tick(): void {
    if (this.#streams === 0) return;
    const now = this.clock.now();
    if (this.#recent !== undefined) {
      const figures = this.#recent.figures(now);
      const said = JSON.stringify(figures);
      if (said !== this.#told) this.#append('stats', JSON.stringify({ at: new Date(now).toISOString(), ...figures }));
      this.#told = said;
    }
    // Without events only links and erasures change figures: those may take a minute.
    const { catchUpEveryMs, refreshEveryMs } = this.options;
    const wait = this.#recent?.isBehind
      ? catchUpEveryMs
      : this.#changed || this.#recent === undefined
        ? refreshEveryMs
        : 6 * refreshEveryMs;
    if (this.#since === undefined && now - this.#refreshedAt >= wait) void this.#refresh(now);
  }

  async #refresh(now: number): Promise<void> {
    this.#refreshedAt = now;
    this.#changed = false;
    this.#since = [];
    try {
      const rows = await this.source.recent();
      // What lay ahead of the look is not in it, and may be among what was told of since.
      const ahead = this.#recent?.ahead.filter(({ at }) => at > rows.until) ?? [];
      const since = new Map([...ahead, ...this.#since].map((fact) => [fact.id, fact]));
      if (this.#streams > 0) this.#recent = new RecentActivity(rows, [...since.values()], this.clock.now());
    } catch {
      this.#changed = true;
      this.#logger.debug('figures of a stream could not be read again; those in memory go on');
    } finally {
      this.#since = undefined;
    }
  }
}

/** Whose an event is, out of its JSON: to parse all that is kept would take a tenth of a second.
 *  TRICKY: it stands before all that the sender chose but the name, in which quotes are escaped. */
const OF_WHOM = /"visitorId":"([0-9a-f]{16})","userId":(?:"([0-9a-f]{16})"|null)/;

/** To so few streams each message is written at once. */
const FEW = 20;

const factOf = ({ id, name, timestamp, receivedAt, visitorId, userId }: LiveEvent): LiveFact => ({
  id,
  at: Date.parse(timestamp),
  receivedAt: Date.parse(receivedAt),
  visitor: visitorId,
  ...(userId === null ? {} : { user: userId }),
  pageview: name === PAGEVIEW,
});
