// Do derived rows still say what the events say? Compares a cell with a new computation, and has it derived again where they differ.
import { Injectable, Logger } from '@nestjs/common';
import { SECOND_MS } from '../../common/time-range';
import { Metrics } from '../../platform/metrics/metrics';
import { AggregationOptions } from '../aggregation.options';
import { AggregationRepository } from '../aggregation.repository';
import { CellStore } from '../cell-store';
import type { Cell } from '../cells';
import { CellsRepository } from '../cells.repository';
import { isDerived } from '../refresher';

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
    if (!cell.detailed) return 'right';
    const seen = await this.#lookAt(project, cell);
    if (seen === undefined) return 'moving';
    const figures = await this.store.differs({ project, range: cell, cut: seen.horizon, version: cell.version });
    if (figures.length > 0 && (await this.#mayHaveMoved(project, cell, seen.horizon))) return 'moving';
    const outcome = figures.length === 0 ? 'right' : 'wrong';
    this.metrics.rollupChecks.inc({ outcome });
    if (outcome === 'wrong') {
      const from = new Date(cell.from).toISOString();
      this.#logger.warn({ project, from, figures }, 'derived figures differed from the events; they are derived again');
      await this.repository.rebuild(project, [cell], () => Promise.resolve());
    }
    return outcome;
  }

  /** The horizon that a cell was derived up to; undefined where it is not the one that counts. */
  async #lookAt(project: number, cell: Cell): Promise<{ horizon: number } | undefined> {
    const state = await this.repository.state(project, this.options.graceMs);
    if (state === undefined || !isDerived(state)) return undefined;
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
