// From when on are a project's events kept? What is older is deleted within a day, and never shown until then.
import { DAY_MS } from '../common/time-range';
import type { Project } from './projects.types';

/** The earliest moment whose events may be taken in or shown, milliseconds; -Infinity: all of them. Every reader begins its range
 *  there at the earliest: `max(range.from, retainedFrom(project, now))`. */
export const retainedFrom = ({ settings }: Pick<Project, 'settings'>, now: number): number =>
  settings.retentionDays === null ? -Infinity : now - settings.retentionDays * DAY_MS;
