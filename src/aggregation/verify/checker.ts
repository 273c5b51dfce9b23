// Does what is derived still say what the events say? Compares a cell with a new computation, and has derived again what differs or is not there.
import { Injectable, Logger } from '@nestjs/common';
import { DAY_MS, hull, SECOND_MS, shared, type TimeRange, without } from '../../common/time-range';
import { Metrics } from '../../platform/metrics/metrics';
import { AggregationOptions } from '../aggregation.options';
import { AggregationRepository } from '../aggregation.repository';
import { CellStore } from '../cell-store';
import { CopyStore } from '../copies/copy-store';
import { MonthAdder } from '../months/month-adder';
import { RollingCounter } from '../rolling/rolling-counter';
import { localDaysOf, type Cell } from '../cells';
import { CellsRepository } from '../cells.repository';
import { type Derived, isDerived } from '../refresher';

/** What a pointer says of its cell, beside the figures of its rows. */
const COUNT = 'events of the cell';
/** What its copy says. */
const COPY = 'events of its sample';
/** What was counted across its end. */
const ROLLING = 'visitors of the days across its end';

/** `moving`: the cell, or events of its sessions, changed while it was looked at: nothing can be said. */
export type CheckOutcome = 'right' | 'wrong' | 'moving';

/** Cells of one round of the regular check, its time, and what is too large for it: about a second's work. */
const SOME = { cells: 3, ms: 5 * SECOND_MS, mostEvents: 2_000_000 };

@Injectable()
export class RollupChecker {
  readonly #logger = new Logger(RollupChecker.name);

  constructor(
    private readonly repository: AggregationRepository,
    private readonly cells: CellsRepository,
    private readonly store: CellStore,
    private readonly copies: CopyStore,
    private readonly rolling: RollingCounter,
    private readonly months: MonthAdder,
    private readonly options: AggregationOptions,
    private readonly metrics: Metrics,
  ) {}

  /** Checks a few cells, any of any project. */
  async checkSome(): Promise<void> {
    const end = performance.now() + SOME.ms;
    for (const cell of await this.cells.someCells(SOME.cells, SOME.mostEvents)) {
      if (performance.now() > end) return;
      await this.check(cell.project, cell);
    }
  }

  /** Checks a cell. One that is wrong is counted, logged and marked, so that it is derived again.
   *  @throws storeUnavailable */
  async check(project: number, cell: Cell): Promise<CheckOutcome> {
    const seen = await this.#lookAt(project, cell);
    if (seen === undefined) return 'moving';
    const counted = await this.store.count(project, cell);
    const figures = [
      ...(counted === cell.events ? [] : [COUNT]),
      ...(cell.detailed
        ? await this.store.differs({ project, range: cell, cut: seen.horizon, version: cell.version })
        : []),
      ...(await this.#differsInCopy(project, cell)),
      ...(await this.#differsAcross(project, cell)),
      ...(await this.months.differs(project, cell.from)),
    ];
    if (figures.length > 0 && (await this.#mayHaveMoved(project, cell, seen.horizon))) return 'moving';
    return this.#judged(project, cell, figures);
  }

  async #differsInCopy(project: number, { from, to, copy }: Cell): Promise<string[]> {
    if (copy === undefined) return [];
    return (await this.copies.isRight({ project, range: { from, to }, ...copy })) ? [] : [COPY];
  }

  /** TRICKY: what was counted with another next cell counts for nothing, so it can't be wrong. */
  async #differsAcross(project: number, cell: Cell): Promise<string[]> {
    if (cell.rollingNext === undefined) return [];
    const [next] = await this.cells.cellsFrom(project, cell.to, 1);
    if (next?.from !== cell.to || next.version !== cell.rollingNext) return [];
    return (await this.rolling.isRight({ project, cell, next })) ? [] : [ROLLING];
  }

  /** Stretches of the days with events, before the horizon, that are in no cell: no events should be in them. Oldest first.
   *  @param after where to begin */
  async gaps(project: number, after: number): Promise<TimeRange[]> {
    const state = await this.#derived(project);
    if (state === undefined) return [];
    const past = { from: after, to: state.horizon };
    const days = (await this.store.days(project, state.horizon)).flatMap(
      (from) => shared({ from, to: from + DAY_MS }, past) ?? [],
    );
    if (days.length === 0) return [];
    const cells = await this.cells.cells(project, hull(days));
    return days.flatMap((day) =>
      without(
        [day],
        cells.filter((cell) => shared(cell, day) !== undefined),
      ),
    );
  }

  /** Checks a stretch that is in no cell. One with events is as wrong as a cell that says nothing of them. @throws storeUnavailable */
  async checkGap(project: number, gap: TimeRange): Promise<CheckOutcome> {
    const before = await this.#derived(project);
    if (before === undefined || gap.to > before.horizon) return 'moving';
    if ((await this.cells.cells(project, gap)).length > 0) return 'moving';
    if ((await this.store.count(project, gap)) === 0) return 'right';
    // Whoever stores events behind the horizon says so before: without a mark, and with the same revision, the cell should be there.
    if (await this.repository.isStale(project, gap)) return 'moving';
    const now = await this.#derived(project);
    if (now?.revision !== before.revision) return 'moving';
    return this.#judged(project, gap, [COUNT], localDaysOf(before.zone, gap));
  }

  async #judged(
    project: number,
    range: TimeRange,
    figures: readonly string[],
    again: readonly TimeRange[] = [range],
  ): Promise<CheckOutcome> {
    const outcome = figures.length === 0 ? 'right' : 'wrong';
    this.metrics.rollupChecks.inc({ outcome });
    if (outcome === 'wrong') {
      const from = new Date(range.from).toISOString();
      this.#logger.warn({ project, from, figures }, 'derived figures differed from the events; they are derived again');
      await this.repository.rebuild(project, again, () => Promise.resolve());
    }
    return outcome;
  }

  /** Where a project is, of which something is derived. */
  async #derived(project: number): Promise<Derived | undefined> {
    const state = await this.repository.state(project, this.options.graceMs);
    return state !== undefined && isDerived(state) ? state : undefined;
  }

  /** The horizon that a cell was derived up to; undefined where it is not the one that counts. */
  async #lookAt(project: number, cell: Cell): Promise<{ horizon: number } | undefined> {
    const state = await this.#derived(project);
    if (state === undefined) return undefined;
    const [now] = await this.cells.cells(project, cell);
    const same = now?.version === cell.version && now.from === cell.from && now.to === cell.to;
    return same ? { horizon: state.horizon } : undefined;
  }

  /** TRICKY: a late event, a link or a move of the horizon may have come in between. As long as horizon and cell are those that were seen
   *  before, and nothing is stale that its sessions reach, rows and events had to agree. */
  async #mayHaveMoved(project: number, cell: Cell, horizon: number): Promise<boolean> {
    const reach = await this.store.extent(project, cell, horizon);
    if (await this.repository.isStale(project, reach)) return true;
    return (await this.#lookAt(project, cell))?.horizon !== horizon;
  }
}
