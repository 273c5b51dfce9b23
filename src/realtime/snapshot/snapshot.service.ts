// Who is there now? From a request's filter to the answer, for the route and for each stream's beginning.
import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock';
import { MINUTE_MS, SECOND_MS } from '../../common/time-range';
import { type Filter, parseFilterText } from '../../events/query';
import { GoalsService, namesGoals, resolveGoals } from '../../goals';
import type { Caller } from '../../platform/http/caller';
import type { Project } from '../../projects/projects.types';
import type { RealtimeDto, RealtimeTopDto } from '../realtime.dto';
import { firstMinute, lastHalfHour, MINUTES, type SnapshotRow } from './snapshot.queries';
import { SnapshotRepository } from './snapshot.repository';

const TOP = 10;

@Injectable()
export class SnapshotService {
  constructor(
    private readonly repository: SnapshotRepository,
    private readonly goals: GoalsService,
    private readonly clock: Clock,
  ) {}

  /** The last half hour of the events that a filter selects; nothing is kept from earlier answers.
   *  @throws invalidInput, storeUnavailable, queryTooLarge */
  async ask(project: Project, filterText: string | undefined, caller?: Caller): Promise<RealtimeDto> {
    const parsed = parseFilterText(filterText);
    const filter = namesGoals(parsed) ? resolveGoals(parsed, await this.goals.all(project.id)) : parsed;
    return this.of(project.number, filter, caller);
  }

  /** The same, by the project's number. */
  async of(project: number, filter?: Filter, caller?: Caller): Promise<RealtimeDto> {
    const now = this.clock.now();
    return toRealtime(await this.repository.snapshot(project, now, filter, caller), now);
  }
}

/** Rows as the answer at a moment; minutes without events are zeros. */
export const toRealtime = (rows: readonly SnapshotRow[], now: number): RealtimeDto => {
  const of = (kind: SnapshotRow['kind']): SnapshotRow[] => rows.filter((row) => row.kind === kind);
  const top = (kind: SnapshotRow['kind']): RealtimeTopDto[] =>
    of(kind)
      .slice(0, TOP)
      .map(({ value, visitors, events }) => ({ value, visitors, count: events }));
  const minutes = new Map(of('minute').map((row) => [Number(row.value) * SECOND_MS, row]));
  const { from, to } = lastHalfHour(now);
  return {
    data: {
      visitors5m: of('short')[0]?.visitors ?? 0,
      visitors30m: of('long')[0]?.visitors ?? 0,
      minutes: Array.from({ length: MINUTES }, (_, at) => {
        const time = firstMinute(now) + at * MINUTE_MS;
        const { visitors = 0, pageviews = 0, events = 0 } = minutes.get(time) ?? {};
        return { time: new Date(time).toISOString(), visitors, pageviews, events };
      }),
      pages: top('page'),
      referrers: top('referrer'),
      countries: top('country'),
      events: top('event'),
    },
    meta: { from: new Date(from).toISOString(), to: new Date(to).toISOString(), timezone: 'UTC', interval: 'minute' },
  };
};
