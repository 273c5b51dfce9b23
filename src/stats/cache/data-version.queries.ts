// How are raw events told to be as they were? By the numbers of the blocks and deletions that their parts hold. Pure.
import type { TimeRange } from '../../common/time-range';
import { nothing, sql, texts, type Sql } from '../../platform/clickhouse/sql';

/** More months than this are not listed. */
const MOST_MONTHS = 60;

/** The partitions of `events` that a range lies in; undefined: too many to list. */
export const monthsOf = ({ from, to }: TimeRange): string[] | undefined => {
  const months: string[] = [];
  const first = new Date(from);
  for (let month = first.getUTCMonth(); months.length <= MOST_MONTHS; month += 1) {
    const begin = new Date(Date.UTC(first.getUTCFullYear(), month));
    if (begin.getTime() >= to) return months;
    months.push(begin.toISOString().slice(0, 7).replace('-', ''));
  }
  return undefined;
};

/** One row { parts, changing }: a text for the state of the parts ('' where this server does not know all of them), and how many
 *  deletions are under way.
 *  Every insert makes a part with a higher block, and every deletion writes parts anew with its own number; a merge keeps the highest of
 *  both. While a deletion goes from part to part the highest number stays, so what is under way has to be known too.
 *  TRICKY: the parts first (a scalar is worked out before the rest): a deletion that begins in between is seen, one that ends is over.
 *  @param months partitions of `events`; undefined: all of them */
export const rawState = (months: readonly string[] | undefined): Sql => sql`
  SELECT (
    SELECT if(max(shared), '', hex(sipHash128(arraySort(groupArray((table, partition_id, block, mutation))))))
    FROM (
      SELECT table, partition_id, max(max_block_number) AS block,
        max(toUInt64OrZero(splitByChar('_', name)[5])) AS mutation,
        max(NOT match(engine, '^(Replacing|Aggregating)MergeTree$')) AS shared
      FROM system.parts
      WHERE database = currentDatabase() AND active AND (table = 'visitor_links' OR (table = 'events'${
        months === undefined ? nothing : sql` AND partition_id IN ${texts(months)}`
      }))
      GROUP BY table, partition_id)
  ) AS parts, countIf(NOT is_done) AS changing
  FROM system.mutations
  WHERE database = currentDatabase() AND table IN ('events', 'visitor_links')`;
