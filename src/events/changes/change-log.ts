// Who says about events that they changed what is derived already? Every writer, here: before it stores them, and again before it says so.
import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../../common/clock';
import { cellOf } from './cells';
import { ChangeTimes } from './change-times';
import { ChangesRepository, type ProjectVisitor } from './changes.repository';
import { type ClosingView, ClosingViews, monotonic } from './closing-views';
import { DebtBook } from './debt-book';
import { type ProjectRange, rangeKey } from './debts';
import { Marks, type Ranges } from './marks';
import { PendingCounter } from './pending-counter';

/** What a change is known by: whose, and when. */
export interface TimedEvent {
  readonly project: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What was known and done before a block is stored; `after` wants it back. */
export interface Ticket {
  readonly entries: readonly TimedEvent[];
  readonly timeoutMs: number;
  /** The writer may take longer than GRACE, so everything is marked, late or not. */
  readonly patient: boolean;
  readonly views: ReadonlyMap<number, ClosingView | undefined>;
  /** What must be marked when the block is stored. */
  readonly ranges: Ranges;
  /** Until when all of it is; -Infinity where it could not be written. */
  readonly goodUntil: number;
  readonly links: {
    /** Visitors with new links, and until when it is known that they have. */
    visitors: readonly ProjectVisitor[];
    goodUntil: number;
    /** Those of projects that had nothing derived. */
    unaffected: readonly ProjectVisitor[];
  };
}

/** A request waits so long for its marks; then it goes on, and they are a debt. */
const PATIENCE_MS = 2_000;

/** What writers say about changes. The argument why nothing is missed stands at `ChangeTimes.graceMs`. */
@Injectable()
export class ChangeLog {
  constructor(
    private readonly changes: ChangesRepository,
    private readonly views: ClosingViews,
    private readonly marks: Marks,
    private readonly debts: DebtBook,
    private readonly pending: PendingCounter,
    private readonly times: ChangeTimes,
    private readonly clock: Clock,
  ) {}

  /** Whether this process knows of changes of a project that Postgres does not: what is derived of it can't be told from here. */
  owes(project: number): boolean {
    return this.debts.owes(project);
  }

  /** Marks what is late of a block that is about to be stored.
   *  @param timeoutMs how long each of its inserts may take; more than INSERT_TIMEOUT_MS: nobody waits, and the writer is patient
   *  @throws storeUnavailable for a patient writer; the others go on without Postgres */
  async before(entries: readonly TimedEvent[], timeoutMs = this.times.insertMs): Promise<Ticket> {
    const patient = timeoutMs > this.times.insertMs;
    const projects = new Set(entries.map(({ project }) => project));
    await this.views.refresh(projects);
    const views = new Map([...projects].map((project) => [project, this.views.get(project)]));
    const ranges = this.#rangesOf(entries, views, patient);
    const soonest = monotonic() + timeoutMs + this.times.marginMs;
    const unmarked = [...ranges].filter(([key]) => this.marks.goodUntil(key) < soonest).map(([, range]) => range);
    if (unmarked.length > 0)
      await this.#said(patient, () => this.marks.write(unmarked, timeoutMs + this.times.leaseMs));
    const goodUntil = Math.min(...[...ranges.keys()].map((key) => this.marks.goodUntil(key)));
    const links = { visitors: [], goodUntil: Infinity, unaffected: [] };
    return { entries, timeoutMs, patient, views, ranges, goodUntil, links };
  }

  /** Notes visitors that get a new first link, before the link is stored.
   *  @param ticket of the block that brings it
   *  @throws storeUnavailable for a patient writer */
  async linking(visitors: readonly ProjectVisitor[], ticket: Ticket): Promise<void> {
    const affects = ({ project }: ProjectVisitor): boolean =>
      ticket.patient || ticket.views.get(project)?.closing !== -Infinity;
    const affected = visitors.filter(affects);
    const untilMs = ticket.timeoutMs + this.times.marginMs;
    const goodUntil = monotonic() + untilMs;
    const noted =
      affected.length === 0 || (await this.#said(ticket.patient, () => this.changes.addVisitors(affected, untilMs)));
    Object.assign(ticket.links, {
      visitors: affected,
      goodUntil: noted ? goodUntil : -Infinity,
      unaffected: visitors.filter((visitor) => !affects(visitor)),
    });
  }

  /** To be called when a block is stored, before anybody is told: marks what turned out to be late meanwhile, or owes it.
   *  @throws storeUnavailable for a patient writer; its block is to be stored again */
  async after(ticket: Ticket): Promise<void> {
    const stored = monotonic();
    for (const { project } of ticket.entries) this.pending.add(project, 1);
    const late = new Map(ticket.goodUntil < stored ? ticket.ranges : []);
    const moved = ticket.links.goodUntil < stored ? [...ticket.links.visitors] : [];

    const young = (view: ClosingView | undefined): boolean =>
      view !== undefined && stored - view.at <= this.times.graceMs;
    const overdue = [...ticket.views].filter(([, view]) => !ticket.patient && !young(view)).map(([project]) => project);
    if (overdue.length > 0) {
      await this.views.refresh(overdue);
      const entries = ticket.entries.filter(({ project }) => overdue.includes(project));
      const views = new Map(overdue.map((project) => [project, this.views.get(project)]));
      const seen = entries.filter(({ project }) => young(views.get(project)));
      for (const [key, range] of this.#rangesOf(seen, views, false)) if (!ticket.ranges.has(key)) late.set(key, range);
      // Whether these are late is seen when Postgres is back.
      const unseen = entries.filter(({ project }) => !young(views.get(project)));
      this.debts.owe(this.#rangesOf(unseen, views, true).values());
      moved.push(...ticket.links.unaffected.filter(({ project }) => overdue.includes(project)));
    }
    if (late.size > 0 && !(await this.#said(ticket.patient, () => this.marks.write(late.values(), 0))))
      this.debts.owe(late.values());
    if (moved.length > 0 && !(await this.#said(ticket.patient, () => this.changes.addVisitors(moved, 0))))
      this.debts.oweVisitors(moved);
  }

  /** Owes a block whose insert failed and which is kept nowhere: the warehouse may have it all the same, or get it in a moment. */
  doubt(entries: readonly TimedEvent[]): void {
    this.debts.doubt(this.#rangesOf(entries, new Map(), true).values());
  }

  #rangesOf(
    entries: readonly TimedEvent[],
    views: ReadonlyMap<number, ClosingView | undefined>,
    all: boolean,
  ): Map<string, ProjectRange> {
    const ranges = new Map<string, ProjectRange>();
    const now = this.clock.now();
    for (const { project, at } of entries) {
      const closing = views.get(project)?.closing ?? -Infinity;
      if (!all && at >= closing) continue;
      const range = { project, ...cellOf(at, closing === -Infinity ? now : closing) };
      ranges.set(rangeKey(range), range);
    }
    return ranges;
  }

  /** Whether Postgres took it. Nobody who is waited for waits long, and not at all where Postgres is known to be away.
   *  @throws for a patient writer, what `say` throws */
  async #said(patient: boolean, say: () => Promise<void>): Promise<boolean> {
    if (patient) {
      await say();
      return true;
    }
    if (this.views.away) return false;
    const waited = new AbortController();
    const late = sleep(PATIENCE_MS, false, { signal: waited.signal }).catch(() => false);
    const said = say().then(
      () => true,
      () => false,
    );
    try {
      return await Promise.race([said, late]);
    } finally {
      waited.abort();
    }
  }
}
