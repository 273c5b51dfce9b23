// By what can events be grouped and filtered? One entry a dimension: how its value reads in SQL, and what the source must provide for it.
import { isCleanText } from '../../common/clean-text';
import { sql, text, type Sql } from '../../platform/clickhouse/sql';

/** What a query needs beyond the plain columns of `events`; see `source.ts`. */
export interface Needs {
  /** `identity`: the visitor after links. */
  readonly identity: boolean;
  /** `session_*`: the whole session of each event. Includes identity. */
  readonly sessions: boolean;
  /** Also the ends of the session and what came next: `entry_page`, `exit_page`, `is_entry`, `is_exit`, `next_at`. Includes sessions. */
  readonly ends?: boolean;
}

/** One dimension over the columns of `eventSource`. */
export interface Dimension {
  readonly name: string;
  /** Its value as String; '' where there is none. */
  readonly value: Sql;
  /** Whether an event has the dimension at all (UInt8). Events without it form no row of a breakdown.
   *  Undefined: every event has a value, of which '' is one (referrer '' is direct traffic). */
  readonly present?: Sql;
  /** Its value as Nullable(Float64), where it can be compared as a number. */
  readonly number?: Sql;
  /** Its value as JSON text, '' where there is none: properties alone. */
  readonly json?: Sql;
  readonly needs: Needs;
}

/** Plain columns only. */
export const PLAIN: Needs = { identity: false, sessions: false };
const IDENTITY: Needs = { identity: true, sessions: false };
const ENDS: Needs = { identity: true, sessions: true, ends: true };

/** What two things need together. */
export const bothNeed = (a: Needs, b: Needs): Needs => ({
  identity: a.identity || b.identity,
  sessions: a.sessions || b.sessions,
  ends: a.ends === true || b.ends === true,
});

const of = (name: string, value: Sql, needs = PLAIN): [string, Dimension] => [name, { name, value, needs }];

const registry: ReadonlyMap<string, Dimension> = new Map([
  of('page', sql`path`),
  of('hostname', sql`hostname`),
  of('entryPage', sql`entry_page`, ENDS),
  of('exitPage', sql`exit_page`, ENDS),
  of('title', sql`title`),
  of('referrer', sql`referrer_host`),
  of('source', sql`source`),
  of('channel', sql`channel`),
  of('utmSource', sql`utm_source`),
  of('utmMedium', sql`utm_medium`),
  of('utmCampaign', sql`utm_campaign`),
  of('utmContent', sql`utm_content`),
  of('utmTerm', sql`utm_term`),
  of('country', sql`country`),
  of('region', sql`region`),
  of('city', sql`city`),
  of('browser', sql`browser`),
  of('browserVersion', sql`browser_version`),
  of('os', sql`os`),
  of('osVersion', sql`os_version`),
  of('device', sql`device`),
  of('screen', sql`screen`),
  of('language', sql`language`),
  of('event', sql`name`),
  of('visitor', sql`leftPad(lower(hex(identity)), 16, '0')`, IDENTITY),
]);

/** Longest key of a property that can be asked for. */
const MAX_KEY = 1_024;
const PROPERTY = 'property:';

/** The dimension of a property. Values are kept as JSON text; a text is shown without its quotes, all else as its JSON. */
const property = (name: string, key: string): Dimension => {
  const json = sql`properties[${text(key)}]`;
  return {
    name,
    value: sql`if(startsWith(${json}, '"'), JSONExtractString(${json}), ${json})`,
    // JSON text is never empty, and a key that is not there reads as ''.
    present: sql`${json} != ''`,
    // Numbers alone: the text "12" is no number.
    number: sql`if(match(${json}, '^-?[0-9]'), toFloat64OrNull(${json}), NULL)`,
    json,
    needs: PLAIN,
  };
};

/** The dimension of goals. What a goal is stands in no event: whoever asks puts filters in its place, before there is any SQL. */
export const GOAL = 'goal';

/** Names of all dimensions but the properties. */
export const DIMENSIONS: readonly string[] = [...registry.keys()].flatMap((name) =>
  name === 'visitor' ? [GOAL, name] : [name],
);

/** The dimension of a name, `property:<key>` included; undefined for names that there are none of, and for `goal`,
 *  which has no SQL of its own. */
export const findDimension = (name: string): Dimension | undefined => {
  if (!name.startsWith(PROPERTY)) return registry.get(name);
  const key = name.slice(PROPERTY.length);
  return key.length > 0 && key.length <= MAX_KEY && isCleanText(key) ? property(name, key) : undefined;
};
