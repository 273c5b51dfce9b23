// Which projects are watched in this process? Their channels: begun with the first stream, kept for a while after the last.
import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../../common/clock';
import { Metrics } from '../../platform/metrics/metrics';
import { InterestsRepository } from '../bus/interests.repository';
import { type GoneHashes, unpack } from '../bus/live-message';
import { ThisProcess } from '../bus/this-process';
import { LIVE_TRANSPORT, type LiveMessage, type LiveReceiver, type LiveTransport } from '../bus/transport';
import type { LiveEvent } from '../event/live-event';
import type { GapReason } from '../realtime.dto';
import { RealtimeOptions } from '../realtime.options';
import { SnapshotRepository } from '../snapshot/snapshot.repository';
import { SnapshotService } from '../snapshot/snapshot.service';
import { LiveChannel } from './live-channel';

interface Known {
  readonly channel: LiveChannel;
  /** Settles when nothing that is stored from then on is missed. */
  readonly ready: Promise<void>;
  ending?: NodeJS.Timeout;
}

@Injectable()
export class LiveChannels implements OnModuleInit, OnModuleDestroy, LiveReceiver {
  readonly #logger = new Logger(LiveChannels.name);
  readonly #known = new Map<number, Known>();
  readonly #kept = { bytes: 0 };
  #renewing: NodeJS.Timeout | undefined;
  #renewedAt = 0;

  constructor(
    private readonly snapshots: SnapshotService,
    private readonly recent: SnapshotRepository,
    private readonly interests: InterestsRepository,
    private readonly self: ThisProcess,
    private readonly options: RealtimeOptions,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    @Inject(LIVE_TRANSPORT) private readonly transport: LiveTransport,
  ) {}

  onModuleInit(): void {
    this.transport.receiveWith(this);
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#renewing);
    const projects = [...this.#known.keys()];
    for (const { channel, ending } of this.#known.values()) {
      clearTimeout(ending);
      channel.close();
    }
    this.#known.clear();
    await Promise.allSettled([this.transport.close(), this.interests.leave(this.self.name, projects)]);
  }

  has(project: number): boolean {
    return this.#known.has(project);
  }

  /** Events of a project that were stored. */
  deliver(project: number, events: readonly LiveEvent[]): void {
    this.#known.get(project)?.channel.deliver(events);
  }

  /** Visitors of a project were erased: what is kept of them goes. */
  forget(project: number, gone: GoneHashes): void {
    this.#known.get(project)?.channel.forget(gone);
  }

  /** The channel of a project, once it misses nothing. @throws storeUnavailable */
  async join(project: number): Promise<LiveChannel> {
    const known = this.#known.get(project) ?? this.#begin(project);
    clearTimeout(known.ending);
    await known.ready;
    return known.channel;
  }

  /** To be called when a stream of the channel has closed, or was not begun after all. */
  left(project: number): void {
    const known = this.#known.get(project);
    if (known === undefined || known.channel.streams > 0) return;
    clearTimeout(known.ending);
    known.ending = setTimeout(() => void this.#end(project, known), this.options.keptMs).unref();
  }

  receive({ project, payload }: LiveMessage): void {
    const news = unpack(payload);
    if (news === undefined || news.from === this.self.name) return;
    this.deliver(project, news.events);
    if (news.gone !== undefined) this.forget(project, news.gone);
    if (news.lost) void this.#interrupted([project], 'not_sent');
  }

  lost(): void {
    this.#logger.warn('events of other processes cannot be heard; streams are told');
    for (const { channel } of this.#known.values()) channel.gap('connection_lost');
  }

  recovered(): void {
    void this.#resume([...this.#known.keys()]);
  }

  #begin(project: number): Known {
    const source = {
      snapshot: () => this.snapshots.of(project),
      recent: () => this.recent.recent(project, this.clock.now()),
    };
    const channel = new LiveChannel(source, this.options, this.clock, this.metrics, this.#kept);
    const known: Known = { channel, ready: this.#announce(project) };
    this.#known.set(project, known);
    this.metrics.liveProjects.set(this.#known.size);
    known.ready.catch(() => void this.#end(project, known));
    if (this.#renewing === undefined) {
      this.#renewedAt = this.clock.now();
      this.#renewing = setInterval(() => void this.#renew(), this.options.renewEveryMs).unref();
    }
    return known;
  }

  /** TRICKY: who stores may have looked who watches just before we said so; what it stores until it looks again is not sent here,
   *  but it is stored before the first snapshot is read. */
  async #announce(project: number): Promise<void> {
    await this.transport.listen(project);
    await this.interests.renew(this.self.name, [project], this.options.leaseMs);
    await sleep(this.options.settleMs);
  }

  async #end(project: number, known: Known): Promise<void> {
    if (this.#known.get(project) !== known || known.channel.streams > 0) return;
    this.#known.delete(project);
    this.metrics.liveProjects.set(this.#known.size);
    known.channel.close();
    if (this.#known.size === 0) {
      clearInterval(this.#renewing);
      this.#renewing = undefined;
    }
    await Promise.allSettled([this.transport.unlisten(project), this.interests.leave(this.self.name, [project])]);
    // Somebody came back meanwhile: what was taken back is theirs.
    if (this.#known.has(project)) await this.#announce(project).catch(() => undefined);
  }

  async #renew(): Promise<void> {
    const begun = this.clock.now();
    const projects = [...this.#known.keys()];
    try {
      if (projects.length > 0) await this.interests.renew(this.self.name, projects, this.options.leaseMs);
      const lapsed = begun - this.#renewedAt >= this.options.leaseMs;
      this.#renewedAt = begun;
      if (lapsed) await this.#interrupted(projects, 'connection_lost');
    } catch {
      this.#logger.debug('what is watched here could not be said again');
    }
  }

  async #interrupted(projects: readonly number[], reason: GapReason): Promise<void> {
    for (const project of projects) this.#known.get(project)?.channel.gap(reason);
    await this.#resume(projects);
  }

  async #resume(projects: readonly number[]): Promise<void> {
    try {
      if (projects.length > 0) await this.interests.renew(this.self.name, projects, this.options.leaseMs);
    } catch {
      // `#renew` finds out that the lease lapsed, and comes here again.
    }
    await sleep(this.options.settleMs, undefined, { ref: false });
    await Promise.all(projects.map(async (project) => this.#known.get(project)?.channel.resume()));
  }
}
