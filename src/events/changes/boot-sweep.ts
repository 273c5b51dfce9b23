// What did a process leave behind that died? Events and links that it stored without saying so; whoever starts looks, and marks them.
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../../common/clock';
import { MINUTE_MS } from '../../common/time-range';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { ChangeTimes } from './change-times';
import { ChangesRepository, type ProjectVisitor } from './changes.repository';
import { arrivedCells, newlyLinked, SWEEP_MS } from './changes.queries';
import type { ProjectRange } from './debts';

/** The start waits so long for it; then it goes on behind. */
const PATIENCE_MS = 3_000;
const RETRY_MS = 1_000;
const QUERY_TIMEOUT_MS = 60_000;

@Injectable()
export class BootSweep implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(BootSweep.name);
  readonly #end = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly changes: ChangesRepository,
    private readonly clickhouse: ClickHouse,
    private readonly times: ChangeTimes,
    private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    const begun = this.clock.now();
    // An insert of a process that died a moment ago may still be under way in the warehouse.
    this.#timer = setTimeout(
      () => void this.#untilDone(() => this.sweep({ from: begun - MINUTE_MS, to: begun })),
      this.times.graceMs,
    ).unref();
    await Promise.race([this.#untilDone(() => this.sweep()), sleep(PATIENCE_MS, undefined, { ref: false })]);
  }

  onModuleDestroy(): void {
    this.#end.abort();
    clearTimeout(this.#timer);
  }

  /** Marks what arrived in a time and lies before its project's closing, and notes visitors that were linked in it.
   *  @param received default: an hour before now, or before the last closing was announced if that is longer ago: nobody noticed
   *    anything since
   *  @throws storeUnavailable */
  async sweep(received?: { from: number; to: number }): Promise<void> {
    const { closings, announcedAt } = await this.changes.allClosings();
    if (closings.size === 0) return;
    const now = this.clock.now();
    const span = received ?? { from: Math.min(now, announcedAt ?? now) - SWEEP_MS, to: now };
    const options = { purpose: 'sweep', timeoutMs: QUERY_TIMEOUT_MS };
    const [cells, linked] = await Promise.all([
      this.clickhouse.rows<ProjectRange>(arrivedCells(span, now), options),
      this.clickhouse.rows<ProjectVisitor>(newlyLinked(span.from), options),
    ]);
    await this.changes.mark(
      cells.filter(({ project, from }) => from < (closings.get(project) ?? -Infinity)),
      0,
    );
    await this.changes.addVisitors(
      linked.filter(({ project }) => closings.has(project)),
      0,
    );
  }

  async #untilDone(work: () => Promise<void>): Promise<void> {
    while (!this.#end.signal.aborted) {
      try {
        await work();
        return;
      } catch {
        this.#logger.debug('what arrived lately is looked at later');
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }
}
