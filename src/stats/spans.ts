// Which time is a question about? For every feature that takes `period`, or `from` and `to`, in a zone.
import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import { needsFirstEvent, type RangeRequest } from '../common/period';
import { ClickHouse } from '../platform/clickhouse/clickhouse';
import { type Project, shownFrom } from '../projects';
import { firstEvent } from './stats.queries';
import { type Span, spanOf } from './stats.request';

@Injectable()
export class Spans {
  constructor(
    private readonly clickhouse: ClickHouse,
    private readonly clock: Clock,
  ) {}

  /** The range of a request in its zone, and from when on the project's events are shown. @throws invalidInput, storeUnavailable */
  async of(project: Project, request: RangeRequest & { timezone?: string }): Promise<Span> {
    const now = this.clock.now();
    const since = shownFrom(project, now);
    const firstEventAt = needsFirstEvent(request) ? await this.#firstEventAt(project.number, since) : undefined;
    return spanOf(request, {
      timezone: project.timezone,
      now,
      ...(firstEventAt === undefined ? {} : { firstEventAt }),
      ...(since === undefined ? {} : { since }),
    });
  }

  /** When the project's first event was that is shown, in milliseconds; undefined when it has none. */
  async #firstEventAt(project: number, since?: number): Promise<number | undefined> {
    const [first] = await this.clickhouse.rows<{ at: number; found: number }>(firstEvent(project, since), {
      purpose: 'stats_first_event',
      project,
    });
    return first?.found === 1 ? first.at : undefined;
  }
}
