// Which visitors does a sample hold, and where do their events stand a second time, in the order of visitors? Pure.
import { shared, type TimeRange, without } from '../../common/time-range';
import { Bound, ident, join, type Sql, sql } from '../../platform/clickhouse/sql';

/** Events of a sample's visitors, kept a second time in `sampled_events`: in `events`, whose order is that of days, the few rows of a sample
 *  are a granule or two of each day. */
export interface Copies {
  /** Where every event of these visitors is in a copy, oldest first, disjoint. */
  readonly stretches: readonly TimeRange[];
  /** Under which versions. Their rows never change. */
  readonly versions: readonly number[];
}

/** Some visitors: those of the lowest hashes, whose rows lie together. */
export interface Sample {
  /** One of so many, a power of two. */
  readonly of: number;
  /** Undefined: all is read from `events`. */
  readonly copies?: Copies | undefined;
}

/** Beyond so many stretches that are in no copy, all of a range is read from `events`: a year of weekends is well below. */
const MOST_STRETCHES = 100;

/** Who the visitors of a sample are. @param sample one of so many */
export const ofLowest = (sample: number): Sql =>
  sql`visitor_id <= ${new Bound('UInt64', ((1n << 64n) / BigInt(sample) - 1n).toString())}`;

/** What of an event a copy holds: all that a question can ask of a sample. */
export const COPIED: readonly string[] = [
  'project_id',
  'ts',
  'received_at',
  'seq',
  'event_id',
  'name',
  'visitor_id',
  'user_id',
  'session_id',
  'hostname',
  'path',
  'title',
  'referrer_host',
  'source',
  'channel',
  'utm_source',
  'utm_medium',
  'utm_campaign',
  'utm_content',
  'utm_term',
  'country',
  'region',
  'city',
  'browser',
  'browser_version',
  'os',
  'os_version',
  'device',
  'screen',
  'language',
  'revenue',
  'currency',
  'properties',
];

/** The same as columns of a statement. */
export const copyColumns: Sql = join(COPIED.map(ident), ', ');

/** A range taken apart: what is read from copies, and what is not; undefined where copies are of no use. */
export const copiedParts = (
  { stretches }: Copies,
  range: TimeRange,
): { copied: readonly TimeRange[]; rest: readonly TimeRange[] } | undefined => {
  const copied = stretches.flatMap((stretch) => shared(stretch, range) ?? []);
  const rest = without([range], copied);
  return copied.length === 0 || rest.length > MOST_STRETCHES ? undefined : { copied, rest };
};

/** The table that a sample is mostly read from. */
export const sampleTable = (sample: Sample | undefined): 'events' | 'sampled_events' =>
  sample?.copies === undefined ? 'events' : 'sampled_events';
