// What is late now? This process's view of each project's `closing`, kept young in the background so that requests rarely wait for it.
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { MINUTE_MS } from '../../common/time-range';
import { ChangeTimes } from './change-times';
import { ChangesRepository } from './changes.repository';

/** A project's `closing` as it was at some moment. */
export interface ClosingView {
  /** Milliseconds since the epoch; -Infinity where nothing of the project is derived. */
  readonly closing: number;
  /** When it was asked for, by `monotonic`: what was announced before is in it. */
  readonly at: number;
}

/** Milliseconds by a clock that nobody sets. */
export const monotonic = (): number => performance.now();

/** So long a writer waits for an answer; then it goes on with what it knows. */
const PATIENCE_MS = 1_000;
const RETRY_MS = 1_000;
/** A project that nothing came for is let go of. */
const ACTIVE_MS = MINUTE_MS;

@Injectable()
export class ClosingViews implements OnModuleDestroy {
  readonly #logger = new Logger(ClosingViews.name);
  readonly #views = new Map<number, ClosingView>();
  /** When something last came for a project. */
  readonly #used = new Map<number, number>();
  #flight: { since: number; done: Promise<boolean> } | undefined;
  #away = false;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(
    private readonly changes: ChangesRepository,
    private readonly times: ChangeTimes,
  ) {}

  /** Whether Postgres did not answer when it was last asked. */
  get away(): boolean {
    return this.#away;
  }

  /** The view of a project, however old it is. */
  get(project: number): ClosingView | undefined {
    return this.#views.get(project);
  }

  /** Makes the views of these projects young enough to begin an insert with. Where Postgres is away it comes back all the same, soon. */
  async refresh(projects: Iterable<number>): Promise<void> {
    const begun = monotonic();
    for (const project of projects) this.#used.set(project, begun);
    this.#keepYoung();
    const old = (): boolean => {
      for (const project of projects) {
        const view = this.#views.get(project);
        if (view === undefined || monotonic() - view.at > this.times.viewMs) return true;
      }
      return false;
    };
    // Away: the background asks again, and nobody waits for it.
    while (old() && !this.#away) {
      const flight = (this.#flight ??= { since: monotonic(), done: this.#ask() });
      const left = Math.min(flight.since, begun) + PATIENCE_MS - monotonic();
      if (left <= 0) return;
      const waited = new AbortController();
      const late = sleep(left, false, { signal: waited.signal }).catch(() => false);
      const answered = await Promise.race([flight.done, late]);
      waited.abort();
      if (!answered) return;
    }
  }

  onModuleDestroy(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  /** One query for every project that something came for lately. Never throws. @returns whether Postgres answered */
  async #ask(): Promise<boolean> {
    const at = monotonic();
    for (const [project, used] of this.#used)
      if (at - used > ACTIVE_MS) {
        this.#used.delete(project);
        this.#views.delete(project);
      }
    const projects = [...this.#used.keys()];
    try {
      const closings = await this.changes.closings(projects);
      for (const project of projects) this.#views.set(project, { closing: closings.get(project) ?? -Infinity, at });
      if (this.#away) this.#logger.log('Postgres says again what is derived');
      this.#away = false;
      return true;
    } catch {
      if (!this.#away) this.#logger.warn('Postgres does not say what is derived: late events are noted in memory');
      this.#away = true;
      return false;
    } finally {
      this.#flight = undefined;
    }
  }

  /** Asks again before a request has to, for as long as there is traffic. */
  #keepYoung(): void {
    if (this.#timer !== undefined || this.#ended) return;
    const ms = this.#away ? RETRY_MS : this.times.viewMs / 2;
    this.#timer = setTimeout(() => void this.#askAgain(), ms).unref();
  }

  async #askAgain(): Promise<void> {
    await (this.#flight ??= { since: monotonic(), done: this.#ask() }).done;
    this.#timer = undefined;
    if (this.#used.size > 0) this.#keepYoung();
  }
}
