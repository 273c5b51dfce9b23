// How far does a change of events reach, by the sessions that touch it?
import { DAY_MS, type TimeRange } from '../common/time-range';
import { findSessionScan, type RunQuery } from '../events/query';
import { sessionsExtent } from './rollup.queries';

/** From the earliest beginning to the latest end of the sessions that touch a range; at least the range itself.
 *  Of a long range only the ends are looked at: a session that leaves it has an event within a day of where it does.
 *  @param cut only events before it count, milliseconds
 *  @throws what `run` throws */
export async function findExtent(run: RunQuery, project: number, range: TimeRange, cut: number): Promise<TimeRange> {
  if (range.to - range.from <= 2 * DAY_MS) return extentOf(run, project, range, cut);
  const [first, last] = await Promise.all([
    extentOf(run, project, { from: range.from, to: range.from + DAY_MS }, cut),
    extentOf(run, project, { from: range.to - DAY_MS, to: range.to }, cut),
  ]);
  return { from: Math.min(range.from, first.from), to: Math.max(range.to, last.to) };
}

async function extentOf(run: RunQuery, project: number, range: TimeRange, cut: number): Promise<TimeRange> {
  const scan = await findSessionScan(run, project, range);
  const [found] = await run<{ from: number; to: number; found: number }>(sessionsExtent(project, range, cut, scan));
  if (found?.found !== 1) return range;
  return { from: Math.min(range.from, found.from), to: Math.max(range.to, found.to) };
}
