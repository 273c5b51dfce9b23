// Which SQL reads the events that were refused in the last week? Pure.
import type { TimeRange } from '../../common/time-range';
import { instant, join, type Sql, sql, text, uint32 } from '../../platform/clickhouse/sql';

/** Place of a refusal in the list: when it arrived, then its own id as text. */
export interface RejectPlace {
  receivedMs: number;
  rejectId: string;
}

/** Newest first: { rejectId, receivedMs, eventId, name, code, errors, payload }; ids were made on arrival and sort by it.
 *  @param range of arrival; the caller cuts off what is older than the week, as the table forgets it only when it merges */
export const rejectedPage = (
  project: number,
  range: TimeRange,
  code: string | undefined,
  limit: number,
  after?: RejectPlace,
): Sql => {
  const id = sql`toString(reject_id)`;
  const conditions = [
    sql`project_id = ${uint32(project)}`,
    sql`received_at >= ${instant(range.from)} AND received_at < ${instant(range.to)}`,
    ...(code === undefined ? [] : [sql`code = ${text(code)}`]),
    ...(after === undefined
      ? []
      : [
          sql`(received_at < ${instant(after.receivedMs)} OR (received_at = ${instant(after.receivedMs)} AND ${id} < ${text(after.rejectId)}))`,
        ]),
  ];
  return sql`SELECT ${id} AS rejectId, toUnixTimestamp64Milli(received_at) AS receivedMs, event_id AS eventId, name, code, errors, payload
FROM rejected_events FINAL
WHERE ${join(conditions, ' AND ')}
ORDER BY received_at DESC, ${id} DESC
LIMIT ${uint32(limit)}`;
};
