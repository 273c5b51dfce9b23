// What does the warehouse say about the last half hour?
import { Injectable } from '@nestjs/common';
import { SECOND_MS } from '../../common/time-range';
import { type Filter, findSessionScan } from '../../events/query';
import { ClickHouse } from '../../platform/clickhouse/clickhouse';
import { Reads } from '../../platform/clickhouse/reads';
import type { Caller } from '../../platform/http/caller';
import type { RecentRows } from '../stream/recent-activity';
import {
  lastHalfHour,
  MINUTES,
  recentSeconds,
  recentVisitors,
  snapshotNeeds,
  snapshotQuery,
  type SnapshotRow,
} from './snapshot.queries';

/** With more visitors in half an hour than this, how many there are is asked instead of who. About 10 MB. */
const MOST_VISITORS = 50_000;
/** What arrived so lately is listed by its id: nearly every event is stored, and told of, within that time. */
const LATEST_MS = 10 * SECOND_MS;

@Injectable()
export class SnapshotRepository {
  constructor(private readonly clickhouse: ClickHouse) {}

  /** Rows of the snapshot. @throws storeUnavailable, queryTooLarge, invalidInput */
  async snapshot(project: number, now: number, filter: Filter | undefined, caller?: Caller): Promise<SnapshotRow[]> {
    const reads = new Reads(this.clickhouse, project, caller);
    const range = lastHalfHour(now);
    const sessions = snapshotNeeds(filter).sessions
      ? await findSessionScan(reads.of('realtime_scan', 'events'), project, range)
      : undefined;
    const scope = { project, range, ...(sessions === undefined ? {} : { sessions }) };
    return reads.of('realtime', 'events')<SnapshotRow>(snapshotQuery(scope, now, filter, MINUTES));
  }

  /** What streams count on from. @throws storeUnavailable, queryTooLarge */
  async recent(project: number, now: number): Promise<RecentRows> {
    const run = new Reads(this.clickhouse, project).of('realtime_recent', 'events');
    const scope = { project, range: lastHalfHour(now) };
    const latestFrom = now - LATEST_MS;
    const [visitors, seconds] = await Promise.all([
      run<{ visitor: string; owner: string; lastMs: number }>(recentVisitors(scope, MOST_VISITORS + 1)),
      run<{ second: number; events: number; pageviews: number; latest: string[] }>(recentSeconds(scope, latestFrom)),
    ]);
    const rows = { until: now, latestFrom, seconds, latestIds: seconds.flatMap(({ latest }) => latest) };
    if (visitors.length <= MOST_VISITORS)
      return {
        ...rows,
        visitors: visitors.map(({ visitor, owner, lastMs }) => ({ visitor, identity: owner, lastMs })),
      };
    const totals = await this.snapshot(project, now, undefined);
    const of = (kind: SnapshotRow['kind']): number => totals.find((row) => row.kind === kind)?.visitors ?? 0;
    return { ...rows, visitors: [], counted: { visitors5m: of('short'), visitors30m: of('long') } };
  }
}
