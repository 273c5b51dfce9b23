// Who tells watchers of what was stored? Every process that stores: its own streams at once, other processes while they watch the project.
import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { SECOND_MS } from '../../common/time-range';
import { type StoredBatch, StoredEvents } from '../../events';
import { Metrics } from '../../platform/metrics/metrics';
import { type LiveEvent, liveEventReader } from '../event/live-event';
import { RealtimeOptions } from '../realtime.options';
import { LiveChannels } from '../stream/live-channels';
import { InterestsRepository } from './interests.repository';
import { packEvents, packLoss } from './live-message';
import { ThisProcess } from './this-process';
import { LIVE_TRANSPORT, type LiveMessage, type LiveTransport } from './transport';

/** Events that wait to be sent while a store is slow; beyond it watchers are told that some were lost. About 30 MB. */
const MOST_WAITING = 50_000;
/** Events that go together at most: a statement may not take long. */
const MOST_AT_ONCE = 2_000;

@Injectable()
export class LivePublisher implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(LivePublisher.name);
  readonly #waiting: StoredBatch[] = [];
  #waitingEvents = 0;
  #running: Promise<void> | undefined;
  #watched: ReadonlySet<number> | undefined;
  #lookedAt = -Infinity;
  /** Projects of which events were stored that others could not be told of. */
  readonly #lost = new Set<number>();
  #again: NodeJS.Timeout | undefined;
  #unsubscribe = (): void => undefined;

  constructor(
    private readonly stored: StoredEvents,
    private readonly channels: LiveChannels,
    private readonly interests: InterestsRepository,
    private readonly self: ThisProcess,
    private readonly options: RealtimeOptions,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    @Inject(LIVE_TRANSPORT) private readonly transport: LiveTransport,
  ) {}

  onModuleInit(): void {
    this.#unsubscribe = this.stored.subscribe((batch) => this.#take(batch));
  }

  async onModuleDestroy(): Promise<void> {
    this.#unsubscribe();
    clearTimeout(this.#again);
    await this.#running;
  }

  #take(batch: StoredBatch): void {
    if (this.channels.has(batch.project)) this.channels.deliver(batch.project, eventsOf(batch));
    if (this.#waitingEvents + batch.lines.length > MOST_WAITING) {
      this.#lose(batch);
      return;
    }
    this.#waiting.push(batch);
    this.#waitingEvents += batch.lines.length;
    this.#run();
  }

  #run(): void {
    this.#running ??= this.#sendAll().finally(() => {
      this.#running = undefined;
      if (this.#waiting.length > 0) this.#run();
    });
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const watched = await this.#lookWho();
      const batches = this.#next();
      const chosen = watched === undefined ? batches : batches.filter(({ project }) => watched.has(project));
      if (chosen.length === 0) continue;
      try {
        await this.transport.send(this.#messages(chosen));
        this.metrics.liveEvents.inc(
          { outcome: 'sent' },
          chosen.reduce((sum, { lines }) => sum + lines.length, 0),
        );
      } catch {
        for (const batch of chosen) this.#lose(batch);
      }
    }
  }

  #next(): StoredBatch[] {
    let events = 0;
    let count = 0;
    while (count < this.#waiting.length && events < MOST_AT_ONCE) events += this.#waiting[count++]!.lines.length;
    this.#waitingEvents -= events;
    return this.#waiting.splice(0, count);
  }

  #messages(batches: readonly StoredBatch[]): LiveMessage[] {
    const byProject = new Map<number, LiveEvent[]>();
    for (const batch of batches)
      byProject.set(batch.project, [...(byProject.get(batch.project) ?? []), ...eventsOf(batch)]);
    return [...byProject].flatMap(([project, events]) =>
      [...packEvents(this.self.name, events, this.transport.mostBytes)].map((payload) => ({ project, payload })),
    );
  }

  /** Projects that others watch, as of at most `interestMs` ago; undefined where nobody can say: any of them may be.
   *  TRICKY: what counts is when the look began. A watcher waits for longer than that before it reads what was stored before. */
  async #lookWho(): Promise<ReadonlySet<number> | undefined> {
    const now = this.clock.now();
    if (now - this.#lookedAt < this.options.interestMs && now >= this.#lookedAt) return this.#watched;
    try {
      this.#watched = await this.interests.ofOthers(this.self.name);
    } catch {
      this.#watched = undefined;
    }
    this.#lookedAt = now;
    return this.#watched;
  }

  #lose({ project, lines }: StoredBatch): void {
    if (this.#lost.size === 0)
      this.#logger.warn('stored events could not be sent to other processes; watchers will be told');
    this.#lost.add(project);
    this.metrics.liveEvents.inc({ outcome: 'lost' }, lines.length);
    this.#again ??= setTimeout(() => void this.#tellLoss(), SECOND_MS).unref();
  }

  async #tellLoss(): Promise<void> {
    this.#again = undefined;
    const projects = [...this.#lost];
    this.#lost.clear();
    try {
      const watched = await this.interests.ofOthers(this.self.name);
      const payload = packLoss(this.self.name);
      const messages = projects.filter((one) => watched.has(one)).map((project) => ({ project, payload }));
      if (messages.length > 0) await this.transport.send(messages);
    } catch {
      for (const project of projects) this.#lost.add(project);
      this.#again = setTimeout(() => void this.#tellLoss(), SECOND_MS).unref();
    }
  }
}

const eventsOf = ({ columns, lines }: StoredBatch): LiveEvent[] => lines.map(liveEventReader(columns));
