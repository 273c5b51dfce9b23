// Out of which events is a unit's attempt made? Those of a visitor or a session that can matter, in order, each as one number. Pure.
import type { TimeRange } from '../../common/time-range';
import {
  bothNeed,
  during,
  type EventScope,
  eventSource,
  type Filter,
  filterSql,
  findDimension,
  needsOfFilter,
  type Needs,
  PLAIN,
  type Sample,
  type SequenceParts,
  type SessionScan,
  STORABLE,
} from '../../events/query';
import { Bound, digits, join, nothing, sql, texts, type Sql } from '../../platform/clickhouse/sql';
import type { FunnelQuestion } from '../funnel.types';

/** An event's key, 128 bits: when it happened (42, milliseconds), when it arrived (42), its place in the request (16), and what it is (28):
 *  a bit for each step, then one for each exclusion. Keys sort as events do, and a list of them is all that an attempt is made of. */
export const MASK_BITS = 28;
const SEQ_BITS = 16;
const TIME_BITS = 42;
export const TIME_SHIFT = TIME_BITS + SEQ_BITS + MASK_BITS;
const ARRIVAL_SHIFT = SEQ_BITS + MASK_BITS;

/** When the event of a key happened, milliseconds. */
export const msOf = (key: Sql): Sql => sql`toInt64(bitShiftRight(${key}, ${digits(TIME_SHIFT)}))`;
/** What the event of a key is. */
export const maskOf = (key: Sql): Sql => sql`bitAnd(toUInt32(${key}), ${digits(2 ** MASK_BITS - 1)})`;
/** The least key of a moment. */
export const keyAt = (ms: number): Bound =>
  new Bound('UInt128', (BigInt(Math.min(Math.max(Math.ceil(ms), 0), STORABLE.to)) << BigInt(TIME_SHIFT)).toString());
/** The bit of a step, 1 is the first; exclusions follow the last step. */
export const bitOf = (step: number): number => 2 ** (step - 1);
/** The bits of all steps. */
export const stepBits = ({ steps }: FunnelQuestion): number => 2 ** steps.length - 1;

/** An amount and its currency as one number: three letters above 64 bits of ten-thousandths, which is what the column holds. 0 is none. */
export const moneyOf = sql`bitOr(bitShiftLeft(toUInt128(reinterpretAsUInt32(toString(currency))), 64), toUInt128(reinterpretAsUInt64(revenue)))`;
/** The name of the upper part of such a number. */
export const currencyName = (code: Sql): Sql => sql`substring(reinterpretAsString(toUInt32(${code})), 1, 3)`;
/** The amount of a sum of lower parts. */
export const amountOf = (units: Sql): Sql => sql`divideDecimal(toDecimal128(${units}, 0), toDecimal128(10000, 0), 4)`;

/** How the warehouse is read for a question. */
export interface FunnelReading {
  /** How far sessions reach; needed where `needsOf` says so. */
  readonly scan?: SessionScan | undefined;
  /** Only some visitors. */
  readonly sample?: Sample | undefined;
  /** What is read from sequences that are kept; undefined: all is read from events. */
  readonly kept?: SequenceParts | undefined;
}

/** The time whose events matter: attempts begin in the range, and go on for a window. Sessions that touch the range are read whole. */
export const reachOf = ({ range, windowMs, countBy }: FunnelQuestion): TimeRange =>
  countBy === 'session' ? range : { from: range.from, to: Math.min(range.to + windowMs + 1, STORABLE.to) };

/** What the events must be read with. */
export const needsOf = (question: FunnelQuestion): Needs => {
  const { filter, breakdown, countBy } = question;
  return [
    ...targetsOf(question).map(needsOfFilter),
    needsOfFilter(filter),
    breakdown === undefined ? PLAIN : (findDimension(breakdown.dimension)?.needs ?? PLAIN),
    { identity: true, sessions: countBy === 'session' },
  ].reduce(bothNeed, PLAIN);
};

/** The columns that name a unit. */
export const unitColumns = ({ countBy }: FunnelQuestion): Sql =>
  countBy === 'session' ? sql`identity, session_id, session_began` : sql`identity`;

/** Whether more than its keys is kept of a sequence. */
export const holds = ({ holdConstant }: FunnelQuestion): boolean => holdConstant.length > 0;

/** Whose events, and when. */
export const scopeOf = (
  { project, since }: FunnelQuestion,
  range: TimeRange,
  { scan, sample }: FunnelReading,
): EventScope => ({
  project,
  range,
  ...(since === undefined ? {} : { since }),
  ...(scan === undefined ? {} : { sessions: scan }),
  ...(sample === undefined ? {} : { sample }),
});

/** The names of the only events that a filter can select; undefined: any. */
const namesOfFilter = (filter: Filter): readonly string[] | undefined => {
  if (filter.kind === 'test') return filter.op === 'is' && filter.dimension === 'event' ? filter.values : undefined;
  if (filter.kind === 'and') return filter.filters.map(namesOfFilter).find((names) => names !== undefined);
  if (filter.kind !== 'or') return undefined;
  const each = filter.filters.map(namesOfFilter);
  return each.every((names) => names !== undefined) ? each.flat() : undefined;
};

const known = (name: string): NonNullable<ReturnType<typeof findDimension>> => {
  const dimension = findDimension(name);
  if (dimension === undefined) throw new Error('A question that was not parsed has an unknown dimension');
  return dimension;
};

/** What steps and exclusions look for, in the order of their bits. */
export const targetsOf = ({ steps, exclusions }: FunnelQuestion): Filter[] =>
  [...steps, ...exclusions].map(({ target }) => target);

/** The names of the only events that are read; undefined: any. In strict any event of a unit may stand between two steps. */
export const namesOf = (question: FunnelQuestion): readonly string[] | undefined => {
  if (question.mode === 'strict') return undefined;
  const names = targetsOf(question).map(namesOfFilter);
  return names.every((list) => list !== undefined) ? [...new Set(names.flat())] : undefined;
};

/** What an event is, by its columns: the lower bits of its key. */
export const maskSql = (question: FunnelQuestion, reading: FunnelReading): Sql => {
  const { steps, filter, range, holdConstant } = question;
  const asked = scopeOf(question, range, reading);
  const there = holdConstant.flatMap((name) => known(name).present ?? []);
  const selected = filter === undefined ? [] : [filterSql(filter, asked)];
  return sums(
    targetsOf(question).map((target, at) => {
      const conditions = [filterSql(target, asked), ...selected, ...(at < steps.length ? there : [])];
      return sql`toUInt32(${join(conditions, ' AND ')}) * ${digits(bitOf(at + 1))}`;
    }),
  );
};

/** Bits of the steps that an attempt can begin with, of those that come after, and of those that can be the last. */
export const startBits = (question: FunnelQuestion): number =>
  question.mode === 'any' ? stepBits(question) : bitOf(1);
export const beyondBits = (question: FunnelQuestion): number => stepBits(question) - 1;
export const lastBits = (question: FunnelQuestion): number =>
  question.mode === 'any' ? stepBits(question) : bitOf(question.steps.length);

/** Events that matter out of some rows of events: rows (what names their unit, mask, key, currency, money, and as asked for hold, value).
 *  @param unit columns of `rows` */
export const keyed = (question: FunnelQuestion, reading: FunnelReading, unit: Sql, rows: Sql): Sql => {
  const { breakdown, mode, countBy, holdConstant } = question;
  const held = holdConstant.map(known);
  const columns = [
    unit,
    sql`mask`,
    sql`bitOr(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(ts)), ${digits(TIME_SHIFT)}), bitOr(
          bitShiftLeft(toUInt128(toUnixTimestamp64Milli(received_at)), ${digits(ARRIVAL_SHIFT)}),
          toUInt128(bitOr(bitShiftLeft(toUInt64(seq), ${digits(MASK_BITS)}), toUInt64(mask))))) AS key`,
    ...(held.length === 0
      ? []
      : [
          sql`cityHash64(${join(
            held.map(({ value }) => sql`toString(${value})`),
            ', ',
          )}) AS hold`,
        ]),
    ...(breakdown === undefined ? [] : [sql`${shownValue(breakdown.dimension)} AS value`]),
    sql`currency`,
    sql`${moneyOf} AS money`,
  ];
  const names = namesOf(question);
  const conditions = [
    ...(countBy === 'session' ? [] : [during(scopeOf(question, reachOf(question), reading).range)]),
    ...(names === undefined ? [] : [sql`name IN ${texts(names)}`]),
  ];
  return sql`
      SELECT ${join(columns, ', ')}
      FROM (
        SELECT *, ${maskSql(question, reading)} AS mask
        FROM ${rows}
        ${conditions.length === 0 ? nothing : sql`WHERE ${join(conditions, ' AND ')}`})
      ${mode === 'strict' ? nothing : sql`WHERE mask != 0`}`;
};

/** Sequences of units in which an attempt can begin: rows (unit, `keys`, `more`, `paid`, and as asked for `holding`, `shown`).
 *  - keys: Array(UInt128), in order
 *  - more: whether one of them is a step beyond the first
 *  - holding: Array(UInt64) beside them, of the values that must not change
 *  - shown: Array(String) of a breakdown, '' where there is none, else the value after a '=', and shown_at: Array(UInt128), their keys
 *  - paid: Array(UInt128) of money, of events that can be the last step, and paid_at: Array(UInt128), their keys */
export const sequences = (question: FunnelQuestion, reading: FunnelReading): Sql => {
  const { breakdown, range } = question;
  const reach = scopeOf(question, reachOf(question), reading);
  const canBegin = sql`bitAnd(mask, ${digits(startBits(question))}) != 0 AND key >= ${keyAt(range.from)} AND key < ${keyAt(range.to)}`;
  const isShown = sql`bitAnd(mask, ${digits(shownAt(question))}) != 0`;
  const paid = sql`currency != '' AND bitAnd(mask, ${digits(lastBits(question))}) != 0`;
  return sql`
    SELECT ${unitColumns(question)}, ${join(
      [
        holds(question)
          ? sql`arraySort(groupArray((key, hold))) AS pairs, pairs.1 AS keys, pairs.2 AS holding`
          : sql`arraySort(groupArray(key)) AS keys`,
        ...(breakdown === undefined
          ? []
          : [sql`groupArrayIf(key, ${isShown}) AS shown_at, groupArrayIf(value, ${isShown}) AS shown`]),
        // Most units do no more than begin: nobody needs to look at the rest of theirs.
        sql`bitAnd(groupBitOr(mask), ${digits(beyondBits(question))}) != 0 AS more`,
        // In mode any each of the steps may be the last.
        // Numbers alone: a list of tuples costs as much as all of the rest.
        sql`groupArrayIf(key, ${paid}) AS paid_at, groupArrayIf(money, ${paid}) AS paid`,
      ],
      ', ',
    )}
    FROM (${keyed(question, reading, unitColumns(question), eventSource(reach, needsOf(question)))})
    GROUP BY ${unitColumns(question)}
    HAVING countIf(${canBegin}) > 0`;
};

/** Of which events a breakdown may show the value: of those that the step it is attributed to can be. */
const shownAt = (question: FunnelQuestion): number => {
  const { breakdown, mode } = question;
  if (breakdown === undefined) return 0;
  if (mode === 'any' || breakdown.attribution === 'last') return stepBits(question);
  return bitOf(breakdown.attribution === 'first' ? 1 : breakdown.step);
};

const shownValue = (name: string): Sql => {
  const { value, present } = known(name);
  const shown = sql`concat('=', toString(${value}))`;
  return present === undefined ? shown : sql`if(${present}, ${shown}, '')`;
};

const sums = (terms: readonly Sql[]): Sql => terms.reduce((sum, term) => sql`${sum} + ${term}`);
