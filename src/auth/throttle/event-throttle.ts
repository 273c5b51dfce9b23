// May the project send so many events now? The project's own limit, in events; asked by whoever takes events in.
import { Injectable } from '@nestjs/common';
import { tooManyRequests } from '../../common/problem';
import type { Project } from '../../projects/projects.types';
import type { NamedStanding } from './rate-limit-headers';
import { PROJECT_BUCKET } from './throttle-storage';
import { ThrottleCounters, type Limit } from './throttle-counters';

/** Name of the limit of events. */
export const EVENTS = 'events';

/** Limits of events per project: `settings.rateLimit`. */
@Injectable()
export class EventThrottle {
  constructor(private readonly counters: ThrottleCounters) {}

  /** Takes `count` events from what the project may send, all or none of them. Nothing happens where it has no limit.
   *  @throws tooManyRequests with the seconds until the whole request can fit */
  take(project: Project, count: number): void {
    const limit = limitOf(project);
    if (limit === undefined) return;
    const { fits, resetSeconds } = this.counters.take(bucketOf(project), limit, count, 'project');
    if (fits) return;
    const beyond = count > limit.quota;
    throw tooManyRequests({
      detail: beyond
        ? `The request brings ${count} events; the project takes at most ${limit.quota} in ${limit.windowSeconds} seconds.`
        : `The project takes at most ${limit.quota} events in ${limit.windowSeconds} seconds. Nothing of this request was kept.`,
      retryAfterSeconds: resetSeconds,
    });
  }

  /** Where the limit stands; undefined where the project has none. */
  standing(project: Project): NamedStanding | undefined {
    const limit = limitOf(project);
    return limit === undefined
      ? undefined
      : { name: EVENTS, limit, standing: this.counters.look(bucketOf(project), limit, 'project') };
  }
}

const limitOf = ({ settings: { rateLimit } }: Project): Limit | undefined =>
  rateLimit === null ? undefined : { quota: rateLimit.events, windowSeconds: rateLimit.perSeconds };

/** With the window's length: after a change of settings, counts of windows of another length are not taken for these. */
const bucketOf = ({ id, settings }: Project): string =>
  `${PROJECT_BUCKET}${id}:${EVENTS}:${settings.rateLimit?.perSeconds ?? 0}`;
