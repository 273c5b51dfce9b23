// How are raw events told to be as they were? By the numbers of the blocks and deletions that their parts hold. Pure.
import { createHash } from 'node:crypto';
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

/** Parts of raw events: rows (table, name, engine).
 *  @param months partitions of `events`; undefined: all of them */
export const rawParts = (months: readonly string[] | undefined): Sql => sql`
  SELECT table, name, engine FROM system.parts
  WHERE database = currentDatabase() AND active AND (table = 'visitor_links' OR (table = 'events'${
    months === undefined ? nothing : sql` AND partition_id IN ${texts(months)}`
  }))`;

export interface PartName {
  readonly table: string;
  /** partition_firstBlock_lastBlock_level, and `_mutation` where a deletion has written it anew. */
  readonly name: string;
  readonly engine: string;
}

/** What the parts say about what they hold: another text after every insert and every deletion, the same after a merge.
 *
 *  Every insert makes a part with a higher block, and a deletion writes the parts of its partition anew, one by one, with its own number,
 *  which comes from the same count. A merge keeps the last block, and never joins parts of different deletions. So the highest of both
 *  tell what a partition holds, but while some parts of it have been written anew and others, older than the deletion, not yet.
 *  @returns undefined where parts don't tell: in that moment, and where replicas have parts of their own */
export const stateOf = (parts: readonly PartName[]): string | undefined => {
  const partitions = new Map<string, { first: number; last: number; mutation: number }[]>();
  for (const { table, name, engine } of parts) {
    if (!/^(Replacing|Aggregating)MergeTree$/.test(engine)) return undefined;
    const [partition, first, last, , mutation = '0'] = name.split('_');
    const place = `${table}/${partition}`;
    const held = { first: Number(first), last: Number(last), mutation: Number(mutation) };
    partitions.set(place, [...(partitions.get(place) ?? []), held]);
  }
  const states: string[] = [];
  for (const [place, held] of partitions) {
    const mutation = Math.max(...held.map((part) => part.mutation));
    if (held.some((part) => part.mutation < mutation && part.first < mutation)) return undefined;
    states.push(`${place}:${Math.max(...held.map(({ last }) => last))}:${mutation}`);
  }
  return createHash('sha256').update(states.sort().join('\n')).digest('base64url');
};
