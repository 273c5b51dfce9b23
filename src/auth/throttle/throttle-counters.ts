// How much was used of each limit, by all processes together? Counted here, told to the others about twice a second; never a read on a request's way.
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { SECOND_MS } from '../../common/time-range';
import { Postgres } from '../../platform/postgres/postgres';
import { BoundedMap } from '../bounded-map';
import { ThrottleRepository, type CountRow } from './throttle.repository';

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

interface Bucket {
  readonly windowStart: number;
  readonly windowEnd: number;
  /** Counted by all processes, as last heard. */
  shared: number;
  /** Counted here and not told yet. */
  delta: number;
  /** Being told right now. */
  sending: number;
  readonly isShared: boolean;
}

const MOST_BUCKETS = 50_000;
const MOST_AT_ONCE = 5_000;
const SYNC_EVERY_MS = 500;
const CLEAN_EVERY_MS = 60_000;
const WARN_AFTER_FAILURES = 10;

/** Counters of fixed windows. While Postgres is away each process counts alone. */
@Injectable()
export class ThrottleCounters implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(ThrottleCounters.name);
  private readonly buckets = new BoundedMap<string, Bucket>(MOST_BUCKETS);
  private timers: NodeJS.Timeout[] = [];
  private syncing: Promise<void> | undefined;
  private failures = 0;

  constructor(
    private readonly repository: ThrottleRepository,
    private readonly postgres: Postgres,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.timers = [
      setInterval(() => void this.sync(), SYNC_EVERY_MS),
      setInterval(() => void this.clean(), CLEAN_EVERY_MS),
    ];
    for (const timer of this.timers) timer.unref();
    this.postgres.beforeClose(() => this.sync());
  }

  async onModuleDestroy(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await this.syncing;
  }

  /** Takes `count` from a bucket, all or nothing.
   *  @param isShared whether other processes hear of it: projects, but not addresses, of which there are too many
   *  @returns whether it fitted, and where the bucket stands now */
  take(name: string, limit: Limit, count: number, isShared: boolean): Standing & { fits: boolean } {
    const bucket = this.bucket(name, limit, isShared);
    const fits = used(bucket) + count <= limit.quota;
    if (fits) bucket.delta += count;
    return { fits, ...this.standing(bucket, limit) };
  }

  /** Where a bucket stands, without taking anything. */
  look(name: string, limit: Limit, isShared: boolean): Standing {
    return this.standing(this.bucket(name, limit, isShared), limit);
  }

  /** Tells the others what was counted here, and hears what they counted. Runs by itself; one at a time. */
  sync(): Promise<void> {
    this.syncing ??= this.exchange().finally(() => (this.syncing = undefined));
    return this.syncing;
  }

  private async exchange(): Promise<void> {
    const rows: CountRow[] = [];
    const told = new Map<string, Bucket>();
    for (const [bucket, state] of this.buckets) {
      if (!state.isShared || state.delta === 0) continue;
      if (rows.length >= MOST_AT_ONCE) break;
      state.sending = state.delta;
      state.delta = 0;
      told.set(bucket, state);
      rows.push({ bucket, windowStart: state.windowStart, windowEnd: state.windowEnd, count: state.sending });
    }
    if (rows.length === 0) return;
    try {
      for (const { bucket, count } of await this.repository.add(rows)) {
        const state = told.get(bucket);
        if (state !== undefined) Object.assign(state, { shared: count, sending: 0 });
      }
      this.failures = 0;
    } catch {
      for (const state of told.values()) Object.assign(state, { delta: state.delta + state.sending, sending: 0 });
      this.failures += 1;
      if (this.failures === WARN_AFTER_FAILURES) this.logger.warn('limits are counted by each process alone for now');
    }
  }

  private async clean(): Promise<void> {
    await this.repository.removeBefore(Math.floor(this.clock.now() / SECOND_MS)).catch(() => undefined);
  }

  private bucket(name: string, { windowSeconds }: Limit, isShared: boolean): Bucket {
    const seconds = Math.floor(this.clock.now() / SECOND_MS);
    const windowStart = seconds - (seconds % windowSeconds);
    const known = this.buckets.get(name);
    if (known !== undefined && known.windowStart === windowStart && known.windowEnd === windowStart + windowSeconds)
      return known;
    const fresh: Bucket = {
      windowStart,
      windowEnd: windowStart + windowSeconds,
      shared: 0,
      delta: 0,
      sending: 0,
      isShared,
    };
    this.buckets.set(name, fresh);
    return fresh;
  }

  private standing(bucket: Bucket, { quota }: Limit): Standing {
    const left = bucket.windowEnd - this.clock.now() / SECOND_MS;
    return { remaining: Math.max(0, quota - used(bucket)), resetSeconds: Math.max(1, Math.ceil(left)) };
  }
}

const used = ({ shared, sending, delta }: Bucket): number => shared + sending + delta;
