// When is the house kept? One worker at a time does one chore after the other, so that they never stand beside each other.
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { newId } from '../../common/ids';
import { HOUR_MS, MINUTE_MS } from '../../common/time-range';
import { Metrics } from '../../platform/metrics/metrics';
import { Maintenance } from '../../platform/queue/maintenance';
import { Copier } from '../copies/copier';
import { MonthAdder } from '../months/month-adder';
import { RollingCounter } from '../rolling/rolling-counter';
import { ChoreNotes } from './chore-notes';
import { ClosedMonths } from './closed-months';
import { DerivedPartitions } from './derived-partitions';
import { ExpiredEvents } from './expired-events';
import { RollupLitter } from './rollup-litter';

const LOOK_EVERY_MS = MINUTE_MS;
/** Longer than the longest chore is waited for. */
const LEASE_MS = HOUR_MS;

interface Chore {
  readonly name: string;
  readonly everyMs: number;
  /** Answers what it did; undefined or 0: nothing was to do. */
  run(): Promise<string | number | undefined>;
}

@Injectable()
export class Housekeeping implements OnModuleInit {
  readonly #logger = new Logger(Housekeeping.name);
  readonly #holder = newId();
  readonly #chores: readonly Chore[];
  /** Each chore knows from its notes what is due; this only spares asking. */
  readonly #lookedAt = new Map<string, number>();

  constructor(
    private readonly maintenance: Maintenance,
    private readonly notes: ChoreNotes,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
    months: ClosedMonths,
    expired: ExpiredEvents,
    litter: RollupLitter,
    copier: Copier,
    rolling: RollingCounter,
    monthAdder: MonthAdder,
    derived: DerivedPartitions,
  ) {
    this.#chores = [
      { name: 'copy-sampled-events', everyMs: MINUTE_MS / 2, run: () => copier.run() },
      { name: 'count-rolling-days', everyMs: 5 * MINUTE_MS, run: () => rolling.run() },
      { name: 'add-up-months', everyMs: 5 * MINUTE_MS, run: () => monthAdder.run() },
      { name: 'expire-events', everyMs: 15 * MINUTE_MS, run: () => expired.run() },
      { name: 'sweep-rollups', everyMs: 15 * MINUTE_MS, run: () => litter.run() },
      { name: 'merge-closed-months', everyMs: 5 * MINUTE_MS, run: () => months.run() },
      { name: 'merge-derived-years', everyMs: 5 * MINUTE_MS, run: () => derived.run() },
    ];
  }

  onModuleInit(): void {
    this.maintenance.every(LOOK_EVERY_MS, 'housekeeping', () => this.look());
  }

  /** Does the chores whose time has come, where no other worker does. One that fails does not keep the next from its turn. */
  async look(): Promise<void> {
    const due = this.#chores.filter(
      ({ name, everyMs }) => this.clock.now() - (this.#lookedAt.get(name) ?? -Infinity) >= everyMs,
    );
    if (due.length === 0) return;
    try {
      for (const chore of due) {
        if (!(await this.notes.lease(this.#holder, LEASE_MS))) return;
        this.#lookedAt.set(chore.name, this.clock.now());
        await this.#do(chore);
      }
    } finally {
      await this.notes.release(this.#holder);
    }
  }

  async #do({ name, run }: Chore): Promise<void> {
    const stop = this.metrics.choreSeconds.startTimer({ chore: name });
    try {
      const did = await run();
      this.metrics.choreRuns.inc({ chore: name, outcome: 'completed' });
      this.metrics.choreSucceededAt.set({ chore: name }, this.clock.now() / 1000);
      if (did !== undefined && did !== 0) this.#logger.log({ chore: name, did }, 'a chore was done');
    } catch (error) {
      this.metrics.choreRuns.inc({ chore: name, outcome: 'failed' });
      this.#logger.warn({ chore: name, err: error }, 'a chore failed; it is tried again');
    } finally {
      stop();
    }
  }
}
