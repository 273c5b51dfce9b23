// What did visitors do, where a row a visitor and cell says it already? The same sequences as of events, without putting these together. Pure.
import {
  dimensionsOf,
  type Filter,
  identified,
  isToldBySequences,
  ofLowest,
  type SequenceParts,
  stretchesOf,
} from '../../events/query';
import { Bound, digits, instant, nothing, sql, texts, type Sql, uint32 } from '../../platform/clickhouse/sql';
import type { FunnelQuestion } from '../funnel.types';
import { adding, begins, has, x } from './attempt-parts';
import {
  beyondBits,
  bitOf,
  type FunnelReading,
  keyed,
  lastBits,
  MASK_BITS,
  maskOf,
  maskSql,
  moneyOf,
  reachOf,
  scopeOf,
  targetsOf,
  TIME_SHIFT,
} from './sequence.queries';

/** All that says which events matter. */
const filtersOf = (question: FunnelQuestion): (Filter | undefined)[] => [question.filter, ...targetsOf(question)];

/** Whether sequences that are kept tell all that a question asks of events: what happened, where, and what was paid. */
export const isToldByKept = (question: FunnelQuestion): boolean =>
  question.countBy === 'visitor' &&
  question.breakdown === undefined &&
  question.holdConstant.length === 0 &&
  filtersOf(question).every(isToldBySequences);

/** What events are by their names alone, where no more is asked of any. */
const masksOfNames = (question: FunnelQuestion): ReadonlyMap<string, number> | undefined => {
  const masks = new Map<string, number>();
  for (const [at, target] of targetsOf(question).entries()) {
    if (question.filter !== undefined || target.kind !== 'test' || target.dimension !== 'event' || target.op !== 'is')
      return undefined;
    for (const name of new Set(target.values)) masks.set(name, (masks.get(name) ?? 0) + bitOf(at + 1));
  }
  return masks;
};

/** Whether many rows may hold no event that matters. Hardly one has no page view: of a funnel that begins with these, leaving such rows out takes
 *  longer than reading on (100 million events: 18.3 s CPU, 16.0 without). */
const areManyIdle = (question: FunnelQuestion): boolean =>
  question.mode !== 'strict' && masksOfNames(question)?.has('pageview') !== true;

/** What each event of a row is: Array(UInt32). A test for each step takes twice the time of a look at one table. */
const masksSql = (question: FunnelQuestion, reading: FunnelReading): Sql => {
  const ofNames = masksOfNames(question);
  if (ofNames !== undefined)
    return sql`arrayMap(name -> transform(name, ${texts([...ofNames.keys()])}, ${new Bound('Array(UInt32)', [...ofNames.values()])}, toUInt32(0)), event.name)`;
  const mask = maskSql(question, reading);
  // A list that nobody names is not read.
  return filtersOf(question).some((filter) => dimensionsOf(filter)?.includes('page') === true)
    ? sql`arrayMap((name, path) -> ${mask}, event.name, event.path)`
    : sql`arrayMap(name -> ${mask}, event.name)`;
};

/** Rows (visitor_id, user_id, keys, can_begin, more, paid) out of what is kept; paid: keys and money, one after the other. */
const keptRows = (question: FunnelQuestion, reading: FunnelReading, { versions, around }: SequenceParts): Sql => {
  const { mode, project } = question;
  const { sample } = reading;
  const isPaid = has(sql`masks[place]`, lastBits(question));
  const rows = sql`
    SELECT visitor_id, user_id, toInt64(toUnixTimestamp(start)) * 1000 AS origin, event.at AS ats, event.tie AS ties,
      ${masksSql(question, reading)} AS masks,
      paid.place AS places, arrayMap((currency, revenue) -> ${moneyOf}, paid.currency, paid.revenue) AS moneys
    FROM event_sequences
    WHERE project_id = ${uint32(project)} AND version IN ${new Bound('Array(UInt64)', versions)}
      AND start >= toDateTime(${instant(around.from)}) AND start < toDateTime(${instant(around.to)})${
        sample === undefined ? nothing : sql` AND ${ofLowest(sample.of)}`
      }`;
  const withKeys = adding(
    areManyIdle(question) ? sql`SELECT * FROM (${rows}) WHERE arrayExists(mask -> mask != 0, masks)` : rows,
    sql`arrayMap((at, tie, mask) -> bitOr(bitShiftLeft(toUInt128(origin + at), ${digits(TIME_SHIFT)}),
        bitOr(bitShiftLeft(toUInt128(tie), ${digits(MASK_BITS)}), toUInt128(mask))), ats, ties, masks) AS all_keys`,
  );
  const narrowed = sql`
    SELECT visitor_id, user_id, ${mode === 'strict' ? sql`all_keys` : sql`arrayFilter((key, mask) -> mask != 0, all_keys, masks)`} AS keys,
      arrayFlatten(arrayMap((money, place) -> if(${isPaid}, [all_keys[place], money], []), moneys, places)) AS paid
    FROM (${withKeys})`;
  return sql`
    SELECT visitor_id, user_id, keys, arrayExists(x -> ${begins(question, x)}, keys) AS can_begin,
      arrayExists(x -> ${has(maskOf(x), beyondBits(question))}, keys) AS more, paid
    FROM (${narrowed})`;
};

/** The same rows out of events. */
const eventRows = (question: FunnelQuestion, reading: FunnelReading, { rest }: SequenceParts): Sql => {
  const source = stretchesOf(scopeOf(question, reachOf(question), reading), rest);
  const isPaid = sql`currency != '' AND ${has(sql`mask`, lastBits(question))}`;
  return sql`
    SELECT visitor_id, user_id, groupArray(key) AS keys, max(${begins(question, sql`key`)}) AS can_begin,
      max(${has(sql`mask`, beyondBits(question))}) AS more, groupArrayArrayIf([key, money], ${isPaid}) AS paid
    FROM (${keyed(question, reading, sql`visitor_id, user_id`, source)})
    GROUP BY visitor_id, user_id`;
};

/** What `sequences` says, of a question that `isToldByKept`. */
export const keptSequences = (question: FunnelQuestion, reading: FunnelReading, kept: SequenceParts): Sql => {
  const { sample } = reading;
  const rows = keptRows(question, reading, kept);
  const all = kept.rest.length === 0 ? rows : sql`${rows} UNION ALL ${eventRows(question, reading, kept)}`;
  return sql`
    SELECT identity, arraySort(groupArrayArray(seen.keys)) AS keys, max(seen.more) AS more, groupArrayArrayIf(seen.paid, notEmpty(seen.paid)) AS pairs,
      arrayFilter((one, at) -> at % 2 = 1, pairs, arrayEnumerate(pairs)) AS paid_at,
      arrayFilter((one, at) -> at % 2 = 0, pairs, arrayEnumerate(pairs)) AS paid
    FROM ${identified(question.project, sql`(${all})`, sample === undefined ? undefined : ofLowest(sample.of))} AS seen
    GROUP BY identity
    HAVING max(seen.can_begin)`;
};
