// How are the events of a sample's visitors kept a second time? What writes such a copy of a cell, and what holds it against the events. Pure.
import type { TimeRange } from '../../common/time-range';
import { COPIED, copyColumns, during, eventSource, ofLowest, PLAIN } from '../../events/query';
import { Bound, ident, join, type Sql, sql, uint32 } from '../../platform/clickhouse/sql';

/** A copy of a cell. */
export interface CopyToWrite {
  /** The project's number in the warehouse. */
  readonly project: number;
  readonly range: TimeRange;
  readonly version: number;
  /** One of so many visitors. */
  readonly of: number;
}

/** The rows of a copy, without version, from `events`. Ids only tell apart what happened at the same moment: where nothing else did there is
 *  none, as they would be a third of a copy. Whatever happened at one moment is in one cell. */
const copied = ({ project, range, of }: CopyToWrite): Sql => {
  const rows = eventSource({ project, range, sample: { of } }, PLAIN);
  const columns = COPIED.map((name) =>
    name === 'event_id'
      ? sql`if(ts IN (SELECT ts FROM ${rows} GROUP BY ts HAVING count() > 1), event_id, toUUID('00000000-0000-0000-0000-000000000000')) AS event_id`
      : ident(name),
  );
  return sql`SELECT ${join(columns, ', ')} FROM ${rows}`;
};

const version = ({ version: of }: CopyToWrite): Bound => new Bound('UInt64', String(of));

/** Stores a copy under its version. */
export const storeCopy = (copy: CopyToWrite): Sql => sql`
  INSERT INTO sampled_events (version, ${copyColumns})
  SELECT ${version(copy)}, * FROM (${copied(copy)})`;

/** Whether a stored copy is what a new one would be: one row { same }. */
export const copyIsSame = (copy: CopyToWrite): Sql => {
  const { project, range, of } = copy;
  const stored = sql`
    SELECT ${copyColumns} FROM sampled_events
    WHERE project_id = ${uint32(project)} AND version = ${version(copy)} AND ${ofLowest(of)} AND ${during(range)}`;
  // An exclusive or would not see a row that is there three times: a sum does.
  const digest = (rows: Sql): Sql => sql`(SELECT (count(), sum(cityHash64(${copyColumns}))) FROM (${rows}))`;
  return sql`SELECT ${digest(stored)} = ${digest(copied(copy))} AS same`;
};
