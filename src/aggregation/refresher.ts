// How is what is derived kept right? Step by step: the horizon moves on, and what changed behind it is derived again.
// Nothing is changed in Postgres before the one commit of a step, so a step can be cut short anywhere and taken again.
import { Injectable } from '@nestjs/common';
import { DAY_MS, hull, overlaps, shared, type TimeRange } from '../common/time-range';
import { Clock } from '../common/clock';
import { NAMED_GAP_MS } from '../events/query';
import { Metrics } from '../platform/metrics/metrics';
import { AggregationOptions } from './aggregation.options';
import { AggregationRepository, type DueProject, type ProjectState } from './aggregation.repository';
import { CellStore } from './cell-store';
import { localDayOf, piecesOf, quarterBefore, type Cell } from './cells';
import { CellsRepository } from './cells.repository';
import { planAdvance, planDay, planLooks, planRepair, settleStale, type Settling, withCopies } from './step-plan';

/** A project of which something is derived. */
export type Derived = ProjectState & { readonly zone: string; readonly horizon: number; readonly openFrom: number };

/** A horizon that is far behind catches up in steps of so many pieces. */
const PIECES_A_STEP = 4;

@Injectable()
export class Refresher {
  #large: readonly number[] = [];
  #countAgainAt = 0;

  constructor(
    private readonly repository: AggregationRepository,
    private readonly cells: CellsRepository,
    private readonly store: CellStore,
    private readonly options: AggregationOptions,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  /** Announces horizons that are to move, and says which projects can be worked on now. */
  async due(): Promise<number[]> {
    const next = quarterBefore(this.clock.now() - this.options.lagMs);
    const due = await this.repository.due(next, this.options, await this.#worthBeginning());
    await this.repository.announce(
      due.filter((each) => isToAnnounce(each, next)).map(({ project }) => project),
      next,
    );
    return due.filter(isToWork).map(({ project }) => project);
  }

  /** Projects with many events, of which something should be derived; undefined: of all. */
  async #worthBeginning(): Promise<readonly number[] | undefined> {
    const { fewestOfProject, countEveryMs } = this.options;
    if (fewestOfProject === 0) return undefined;
    if (this.clock.now() >= this.#countAgainAt && (await this.repository.isAnyToBegin())) {
      this.#large = [...(await this.store.volumes())].flatMap(([project, events]) =>
        events >= fewestOfProject ? project : [],
      );
      this.#countAgainAt = this.clock.now() + countEveryMs;
    }
    return this.#large;
  }

  /** Takes the step that a project is due for: begins it, begins it anew in its changed zone, or moves its horizon.
   *  @returns whether there may be more to do at once */
  async refresh(project: number): Promise<boolean> {
    const state = await this.repository.state(project, this.options.graceMs);
    if (state === undefined || !isToWork(state)) return false;
    return isDerived(state) && state.zone === state.timezone ? this.#advance(state) : this.#restart(state);
  }

  /** The next project with a day to derive again, and the end of what is stale of it. @param except projects that rest */
  nextStale(after: number, except: readonly number[]): Promise<{ project: number; to: number } | undefined> {
    return this.repository.nextStale(after, except);
  }

  /** Whether nobody waits for the warehouse, so that no rest is needed. */
  isQuiet(): boolean {
    return this.store.isQuiet();
  }

  /** Brings the gauges up to date. */
  async measure(): Promise<void> {
    const { lagSeconds, staleRanges } = await this.repository.backlog();
    this.metrics.rollupLagSeconds.set(lagSeconds);
    this.metrics.rollupStaleRanges.set(staleRanges);
  }

  /** Derives again the latest day of a project in which something changed.
   *  @returns whether there was one */
  async repair(project: number): Promise<boolean> {
    const seen = await this.repository.state(project, this.options.graceMs);
    if (seen === undefined || !isDerived(seen) || seen.zone !== seen.timezone) return false;
    const stale = await this.cells.stale(project);
    const behind = stale.filter(({ from }) => from < seen.horizon);
    if (behind.length === 0) return false;
    await this.options.onStep('began', project);
    const settling = this.#settling(seen, seen.horizon, seen.openFrom);
    const plan = planDay(behind, seen.zone, seen.horizon);
    const reached: TimeRange[] = [];
    for (const look of planLooks(plan, settling)) reached.push(await this.store.extent(project, look, seen.horizon));
    const touched = [...plan.rebuild, ...reached];
    const known = await this.cells.cells(project, daysAround(touched, seen.zone));
    await this.options.onStep('looked', project);
    const targets = planRepair(plan, touched, known, stale, settling);
    const made = await this.#write(project, targets, seen.horizon);
    const { gone, left } = settleStale(behind, daysOf(plan.day, seen.horizon), targets);
    await this.#commit({
      seen,
      gone: known.filter((cell) => targets.some((range) => overlaps(range, cell))),
      made,
      staleGone: gone,
      staleLeft: left,
      horizon: seen.horizon,
      openFrom: reached.some(({ to }) => to > seen.horizon - NAMED_GAP_MS)
        ? await this.store.openFrom(project, seen.horizon)
        : seen.openFrom,
    });
    return true;
  }

  /** Moves the horizon to where it was announced. */
  async #advance(seen: Derived): Promise<boolean> {
    const { project, zone } = seen;
    const pieces = piecesOf(zone, { from: seen.horizon, to: seen.closing ?? seen.horizon });
    const step = hull(pieces.slice(0, PIECES_A_STEP));
    const stale = await this.cells.stale(project);
    await this.options.onStep('began', project);
    const [begins, openFrom] = await Promise.all([
      this.store.begins(project, step, seen.horizon),
      this.store.openFrom(project, step.to),
    ]);
    const lately = localDayOf(zone, step.from - this.options.settleMs).from;
    const known = await this.cells.cells(project, {
      from: begins.reduce((a, b) => Math.min(a, b), lately),
      to: step.to,
    });
    await this.options.onStep('looked', project);
    const targets = planAdvance(step, known, begins, this.#settling(seen, step.to, openFrom));
    const made = withCopies(await this.#write(project, targets, step.to), known, stale);
    const { gone, left } = settleStale(stale, [step], targets);
    await this.#commit({
      seen,
      gone: known.filter((cell) => targets.some((range) => overlaps(range, cell))),
      made,
      staleGone: gone,
      staleLeft: left,
      horizon: step.to,
      openFrom,
      passed: made.filter(({ to }) => to > seen.horizon).reduce((sum, { events }) => sum + events, 0),
    });
    return step.to < (seen.closing ?? 0);
  }

  /** Begins a project, or begins it anew in its new zone: what is there is to be derived day by day. */
  async #restart(seen: ProjectState): Promise<boolean> {
    const { project } = seen;
    const horizon = seen.horizon ?? seen.closing ?? 0;
    await this.options.onStep('began', project);
    const [days, openFrom] = await Promise.all([
      this.store.days(project, horizon),
      this.store.openFrom(project, horizon),
    ]);
    await this.options.onStep('committing', project);
    const done = await this.cells.restart(seen, {
      horizon,
      openFrom,
      days: days.flatMap((from) => shared({ from, to: from + DAY_MS }, { from: -Infinity, to: horizon }) ?? []),
    });
    await this.options.onStep('committed', project);
    return done;
  }

  async #write(project: number, ranges: readonly TimeRange[], cut: number): Promise<Cell[]> {
    if (ranges.length === 0) return [];
    const versions = await this.cells.versions(ranges.length);
    const made: Cell[] = [];
    for (const [at, range] of ranges.entries()) {
      const version = versions[at] ?? 0;
      const stop = this.metrics.rollupSeconds.startTimer();
      const written = await this.store.write({ project, range, cut, version });
      stop();
      this.metrics.rollupCells.inc({ detailed: String(written.detailed) });
      if (written.events > 0) made.push({ ...range, version, ...written });
      await this.options.onStep('written', project);
    }
    return made;
  }

  async #commit(change: Parameters<CellsRepository['commit']>[0]): Promise<void> {
    await this.options.onStep('committing', change.seen.project);
    // Where another step was faster this one is dropped; its rows are litter.
    await this.cells.commit(change);
    await this.options.onStep('committed', change.seen.project);
  }

  #settling(seen: Derived, horizon: number, openFrom: number): Settling {
    return { zone: seen.zone, horizon, openFrom, settleMs: this.options.settleMs };
  }
}

/** Whether something is derived of a project. */
export const isDerived = (state: ProjectState): state is Derived =>
  state.horizon !== null && state.openFrom !== null && state.zone !== null;

const isAnnounced = ({ horizon, closing }: ProjectState): boolean =>
  closing !== null && (horizon === null || closing > horizon);

const isToAnnounce = (state: DueProject, next: number): boolean =>
  !isAnnounced(state) &&
  (state.horizon === null || (state.wanted && state.horizon < next && state.zone === state.timezone));

/** TRICKY: a changed zone needs no announcement: the horizon stays where it is, and writers know of it. */
const isToWork = (state: ProjectState): boolean =>
  (state.horizon !== null && state.zone !== state.timezone) || (isAnnounced(state) && state.ripe);

const daysOf = (day: TimeRange, horizon: number): TimeRange[] => [{ from: day.from, to: Math.min(day.to, horizon) }];

const daysAround = (ranges: readonly TimeRange[], zone: string): TimeRange => {
  const { from, to } = hull(ranges);
  return { from: localDayOf(zone, from).from, to: localDayOf(zone, to - 1).to };
};
