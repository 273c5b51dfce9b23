// How much was used of each limit, by all processes together? Counted here, told to the others some times a second; never a read on a request's way.
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { createHmac } from 'node:crypto';
import { Clock } from '../../common/clock';
import { newId } from '../../common/ids';
import { SECOND_MS } from '../../common/time-range';
import { StoreUrls } from '../../config/env';
import { BoundedMap } from '../bounded-map';
import { ThrottleStore, type Told } from './throttle-store';

/** A limit: so many in each window of so many seconds. Windows are those of the clock, so that processes agree on them. */
export interface Limit {
  readonly quota: number;
  readonly windowSeconds: number;
}

/** Where a bucket stands: what is left, and seconds until all is back. */
export interface Standing {
  readonly remaining: number;
  readonly resetSeconds: number;
}

/** Whose bucket it is. Other processes hear of every project, and of an address that has used a quarter of its limit: there are as many
 *  addresses as somebody likes, and the others are not to be filled with them. */
export type Whose = 'project' | 'address';

interface Bucket {
  readonly windowStart: number;
  readonly windowEnd: number;
  /** Part of the name that it is told under. TRICKY: a bucket that was forgotten and made again counts from 0, so it is another one. */
  readonly serial: number;
  /** From which count on others hear of it. */
  readonly toldFrom: number;
  /** Counted by all processes, as last heard. */
  shared: number;
  /** Counted here since the window began, and told. */
  told: number;
  /** Counted here and not told yet. */
  delta: number;
  /** Being told right now. */
  sending: number;
}

const MOST_PROJECTS = 50_000;
/** Anybody can have so many made, at about 300 bytes each. Whoever comes from more addresses has what all of them together may do anyway. */
const MOST_ADDRESSES = 20_000;
const MOST_AT_ONCE = 5_000;
const TOLD_FROM_SHARE = 4;
const CLEAN_EVERY_MS = 60_000;
const WARN_AFTER_MS = 5_000;

/** Counters of fixed windows. While their store is away each process counts alone. */
@Injectable()
export class ThrottleCounters implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(ThrottleCounters.name);
  /** Apart, so that nobody without a key can drive out the counts of those with one. */
  private readonly buckets: Readonly<Record<Whose, BoundedMap<string, Bucket>>> = {
    project: new BoundedMap(MOST_PROJECTS),
    address: new BoundedMap(MOST_ADDRESSES),
  };
  private readonly process = newId();
  private made = 0;
  private timers: NodeJS.Timeout[] = [];
  private syncing: Promise<void> | undefined;
  private failures = 0;

  constructor(
    private readonly store: ThrottleStore,
    private readonly urls: StoreUrls,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.timers = [
      setInterval(() => void (this.syncing ?? this.sync()), this.store.everyMs),
      setInterval(() => void this.clean(), CLEAN_EVERY_MS),
    ];
    for (const timer of this.timers) timer.unref();
    this.store.beforeClose(() => this.sync());
  }

  async onModuleDestroy(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await this.syncing;
  }

  /** Takes `count` from a bucket, all or nothing.
   *  @returns whether it fitted, and where the bucket stands now */
  take(name: string, limit: Limit, count: number, whose: Whose): Standing & { fits: boolean } {
    const bucket = this.bucket(name, limit, whose);
    const fits = used(bucket) + count <= limit.quota;
    if (fits) bucket.delta += count;
    return { fits, ...this.standing(bucket, limit) };
  }

  /** Where a bucket stands, without taking anything. */
  look(name: string, limit: Limit, whose: Whose): Standing {
    const known = this.buckets[whose].get(name);
    // Whoever only looks leaves nothing behind.
    return this.standing(known !== undefined && this.isNow(known, limit) ? known : this.fresh(limit, whose), limit);
  }

  /** Tells the others what was counted here until now, and hears what they counted. Runs by itself; one at a time. */
  async sync(): Promise<void> {
    // One that is under way began before the last counts.
    await this.syncing;
    await (this.syncing ??= this.exchange().finally(() => (this.syncing = undefined)));
  }

  private async exchange(): Promise<void> {
    const rows: Told[] = [];
    const sent = new Map<string, Bucket>();
    for (const whose of ['project', 'address'] as const)
      for (const [name, state] of this.buckets[whose]) {
        if (rows.length >= MOST_AT_ONCE) break;
        if (state.delta === 0 || state.told + state.delta < state.toldFrom) continue;
        state.sending = state.delta;
        state.delta = 0;
        const bucket = whose === 'project' ? name : this.pseudonymOf(name);
        const { windowStart, windowEnd, serial, sending } = state;
        const writer = `${this.process}.${serial}`;
        sent.set(`${bucket} ${windowStart}`, state);
        rows.push({ bucket, windowStart, windowEnd, writer, count: sending, own: state.told + sending });
      }
    if (rows.length === 0) return;
    try {
      for (const { bucket, windowStart, count } of await this.store.add(rows)) {
        const state = sent.get(`${bucket} ${windowStart}`);
        if (state === undefined) continue;
        const told = state.told + state.sending;
        // A store that lost what it knew says less than before; nothing of a window is ever given back.
        Object.assign(state, { shared: Math.max(count, state.shared, told), told, sending: 0 });
      }
      if (this.isAlone) this.logger.log('limits are counted by all processes together again');
      this.failures = 0;
    } catch {
      for (const state of sent.values()) Object.assign(state, { delta: state.delta + state.sending, sending: 0 });
      const wasAlone = this.isAlone;
      this.failures += 1;
      if (this.isAlone && !wasAlone) this.logger.warn('limits are counted by each process alone for now');
    }
  }

  private get isAlone(): boolean {
    return this.failures * this.store.everyMs >= WARN_AFTER_MS;
  }

  private async clean(): Promise<void> {
    await this.store.removeBefore(Math.floor(this.clock.now() / SECOND_MS)).catch(() => undefined);
  }

  /** No address is written anywhere; the processes have only the store's URL in common that no copy of the store holds. */
  private pseudonymOf(name: string): string {
    return `address:${createHmac('sha256', this.urls.postgres).update(name).digest('base64url')}`;
  }

  private bucket(name: string, limit: Limit, whose: Whose): Bucket {
    const known = this.buckets[whose].get(name);
    if (known !== undefined && this.isNow(known, limit)) return known;
    const fresh = this.fresh(limit, whose);
    this.buckets[whose].set(name, fresh);
    return fresh;
  }

  private isNow({ windowStart, windowEnd }: Bucket, { windowSeconds }: Limit): boolean {
    const seconds = Math.floor(this.clock.now() / SECOND_MS);
    return windowStart === seconds - (seconds % windowSeconds) && windowEnd === windowStart + windowSeconds;
  }

  private fresh({ quota, windowSeconds }: Limit, whose: Whose): Bucket {
    const seconds = Math.floor(this.clock.now() / SECOND_MS);
    const windowStart = seconds - (seconds % windowSeconds);
    this.made += 1;
    return {
      windowStart,
      windowEnd: windowStart + windowSeconds,
      serial: this.made,
      toldFrom: whose === 'project' ? 0 : Math.ceil(quota / TOLD_FROM_SHARE),
      shared: 0,
      told: 0,
      delta: 0,
      sending: 0,
    };
  }

  private standing(bucket: Bucket, { quota }: Limit): Standing {
    const left = bucket.windowEnd - this.clock.now() / SECOND_MS;
    return { remaining: Math.max(0, quota - used(bucket)), resetSeconds: Math.max(1, Math.ceil(left)) };
  }
}

const used = ({ shared, sending, delta }: Bucket): number => shared + sending + delta;
