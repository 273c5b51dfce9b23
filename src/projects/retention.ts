// From when on are a project's events kept? What is older is deleted within a day, and never shown until then.
import { DAY_MS, MINUTE_MS } from '../common/time-range';
import type { Project } from './projects.types';

/** The earliest moment whose events may be taken in or shown, milliseconds; -Infinity: all of them. */
export const retainedFrom = ({ settings }: Pick<Project, 'settings'>, now: number): number =>
  settings.retentionDays === null ? -Infinity : now - settings.retentionDays * DAY_MS;

/** The moment before which readers take everything as gone, milliseconds; undefined: nothing is. Up to a minute after `retainedFrom`,
 *  so that a question that is asked again within the minute is the same one. */
export const shownFrom = (project: Pick<Project, 'settings'>, now: number): number | undefined => {
  const from = retainedFrom(project, now);
  return from === -Infinity ? undefined : Math.ceil(from / MINUTE_MS) * MINUTE_MS;
};
