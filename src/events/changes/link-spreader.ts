// What does a new link change? Events of its visitor that are derived already; any worker finds where they are, and marks it.
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Problem } from '../../common/problem';
import type { TimeRange } from '../../common/time-range';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { Maintenance } from '../../platform/queue/maintenance';
import { ChangesRepository } from './changes.repository';
import { movedCells } from './changes.queries';
import { monotonic } from './closing-views';
import { MarkStale } from './mark-stale';

const SPREAD_EVERY_MS = 5_000;
/** Visitors of one query. */
const BATCH = 1_000;
/** From so many on, all visitors with links are looked at at once: one pass over the project instead of one for each batch. */
const MANY = 20_000;
const QUERY_TIMEOUT_MS = 120_000;
/** A query may have to read the times of all events. After it the project rests for so many times as long, so that links that come
 *  without end take a twentieth of a core; and for half a minute at most, as links are to hold for the past within one. */
const REST = 20;
const MOST_REST_MS = 30_000;

@Injectable()
export class LinkSpreader implements OnModuleInit {
  readonly #logger = new Logger(LinkSpreader.name);
  /** Until when projects rest, by `monotonic`. */
  readonly #rest = new Map<number, number>();

  constructor(
    private readonly maintenance: Maintenance,
    private readonly changes: ChangesRepository,
    private readonly clickhouse: ClickHouse,
    private readonly stale: MarkStale,
  ) {}

  onModuleInit(): void {
    this.maintenance.every(SPREAD_EVERY_MS, 'spread-links', () => this.spread());
  }

  /** Marks what the links that are stored by now have changed. Repeatable: a visitor is let go of after its events are marked. */
  async spread(): Promise<void> {
    try {
      const waiting = await this.changes.waitingVisitors();
      for (const { project } of waiting) if ((this.#rest.get(project) ?? 0) < monotonic()) this.#rest.delete(project);
      for (const { project, visitors, latest } of waiting) {
        if (this.#rest.has(project)) continue;
        const begun = monotonic();
        if (visitors < MANY) await this.#spreadSome(project, visitors);
        else {
          await this.#mark(project, undefined);
          await this.changes.removeAllVisitors(project, latest);
        }
        this.#rest.set(project, monotonic() + Math.min((monotonic() - begun) * REST, MOST_REST_MS));
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#logger.debug('links are spread later');
    }
  }

  async #spreadSome(project: number, count: number): Promise<void> {
    for (let left = count; left > 0; left -= BATCH) {
      const some = await this.changes.someVisitors(project, BATCH);
      if (some.length === 0) return;
      await this.#mark(
        project,
        some.map(({ visitor }) => visitor),
      );
      await this.changes.removeVisitors(project, some);
    }
  }

  /** TRICKY: `closing` is looked at after the link was stored: one that is announced later is read with the link. */
  async #mark(project: number, visitors: readonly string[] | undefined): Promise<void> {
    const closing = (await this.changes.closings([project])).get(project);
    if (closing === undefined) return;
    const cells = await this.clickhouse.rows<TimeRange>(movedCells(project, closing, visitors), {
      purpose: 'links',
      timeoutMs: QUERY_TIMEOUT_MS,
    });
    await this.stale.mark(project, cells);
  }
}
