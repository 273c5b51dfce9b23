// How far does each unit come? Its deepest attempt, the earliest of equals, out of its sequence of events, in one pass over it. Pure.
import { Bound, digits, join, nothing, sql, type Sql } from '../../platform/clickhouse/sql';
import type { FunnelQuestion } from '../funnel.types';
import { kindsOf, type StepKind } from './any-order';
import {
  bitOf,
  type FunnelReading,
  holds,
  keyAt,
  maskOf,
  msOf,
  sequences,
  stepBits,
  unitColumns,
} from './sequence.queries';

/** Steps that an attempt can go on to from a step: the next, and those beyond it while the ones between are optional. */
export const reachable = ({ steps }: Pick<FunnelQuestion, 'steps'>, from: number): number[] => {
  const found: number[] = [];
  for (let step = from + 1; step <= steps.length; step += 1) {
    found.push(step);
    if (steps[step - 1]?.optional !== true) break;
  }
  return found;
};

const bits = (steps: readonly number[]): number => steps.reduce((sum, step) => sum + bitOf(step), 0);

/** Bits of the exclusions that end an attempt which stands at a step. */
const endingAt = ({ steps, exclusions }: FunnelQuestion, step: number): number =>
  exclusions.reduce(
    (sum, { fromStep, toStep }, at) => (fromStep <= step && step < toStep ? sum + bitOf(steps.length + 1 + at) : sum),
    0,
  );

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);
const has = (mask: Sql, wanted: number): Sql => sql`(bitAnd(${mask}, ${digits(wanted)}) != 0)`;
const key = sql`toUInt128(0)`;
const noKeys = sql`CAST([], 'Array(UInt128)')`;
const slot = (place: number): Sql => sql`a.${digits(place)}`;
const x = sql`x`;

/** The event of a key can begin an attempt. */
const begins = (question: FunnelQuestion, at: Sql): Sql => {
  const { mode, range } = question;
  const first = mode === 'any' ? stepBits(question) : bitOf(1);
  return sql`(${has(maskOf(at), first)} AND ${at} >= ${keyAt(range.from)} AND ${at} < ${keyAt(range.to)})`;
};

/** Whether an event lies within the window of an attempt. */
const within = ({ windowMs }: FunnelQuestion, start: Sql, at: Sql): Sql =>
  sql`${msOf(at)} <= ${msOf(start)} + ${digits(windowMs)}`;

/** The event moves attempts at step `from` on to `step`, the furthest that it can be. */
const moves = (question: FunnelQuestion, from: number, step: number): Sql => {
  const beyond = bits(reachable(question, from).filter((other) => other > step));
  const hit = has(maskOf(x), bitOf(step));
  return beyond === 0 ? hit : sql`(${hit} AND NOT ${has(maskOf(x), beyond)})`;
};

const comesFrom = (question: FunnelQuestion, step: number): number[] =>
  numbers(1, step - 1)
    .filter((from) => reachable(question, from).includes(step))
    .reverse();

/** What a pass over a sequence knows, as a tuple: for each step but the last the attempts that stand there, then for each step a key
 *  by which the first attempt that came there is found, 0 where none did. */
const passed = (question: FunnelQuestion, none: Sql, next: (step: number) => { stand: Sql; found: Sql }): Sql => {
  const size = question.steps.length;
  const each = numbers(1, size).map(next);
  const states = [...each.slice(0, -1).map(({ stand }) => stand), ...each.map(({ found }) => found)];
  const initial = [...numbers(1, size - 1).map(() => none), ...numbers(1, size).map(() => key)];
  return sql`arrayFold((a, x) -> (${join(states, ', ')}), if(more, keys, ${noKeys}), (${join(initial, ', ')}))`;
};

/** The place of a step's key in what a pass knows. */
const foundAt = ({ steps }: FunnelQuestion, step: number): number => steps.length - 1 + step;

/** For each step the latest start of an attempt that stands there: it comes as far as any other, as its window ends last.
 *  - ordered: the key is that of the event by which the step was first reached. All attempts that were begun before and whose window
 *    holds it come there with it, so the first of them is the one.
 *  - strict: the key is that of the start; without optional steps no two attempts stand at a step. */
const latestStarts = (question: FunnelQuestion): Sql => {
  const { mode } = question;
  const moved = (step: number): Sql => {
    if (step === 1) return sql`if(${begins(question, x)}, x, ${key})`;
    const candidates = comesFrom(question, step).map(
      (from) =>
        sql`if(${slot(from)} != 0 AND ${moves(question, from, step)} AND ${within(question, slot(from), x)}, ${slot(from)}, ${key})`,
    );
    return candidates.length === 1 ? (candidates[0] as Sql) : sql`greatest(${join(candidates, ', ')})`;
  };
  return passed(question, key, (step) => {
    const start = moved(step);
    const known = slot(foundAt(question, step));
    return mode === 'strict'
      ? { stand: start, found: sql`if(${known} != 0, ${known}, ${start})` }
      : {
          stand: sql`greatest(${slot(step)}, ${start})`,
          found: sql`if(${known} = 0 AND ${start} != 0, x, ${known})`,
        };
  });
};

/** The same where attempts at a step may end one by one: for each step all starts of attempts that stand there, oldest first.
 *  The key is that of the start. */
const allStarts = (question: FunnelQuestion): Sql => {
  const { mode } = question;
  const moved = (step: number): Sql => {
    if (step === 1) return sql`if(${begins(question, x)}, [x], ${noKeys})`;
    const groups = comesFrom(question, step).map(
      (from) =>
        sql`if(${moves(question, from, step)}, arrayFilter(s -> ${within(question, sql`s`, x)}, ${slot(from)}), ${noKeys})`,
    );
    return groups.length === 1 ? (groups[0] as Sql) : sql`arraySort(arrayConcat(${join(groups, ', ')}))`;
  };
  return passed(question, noKeys, (step) => {
    const starts = moved(step);
    const ends = bits(reachable(question, step)) + endingAt(question, step);
    const stays = sql`if(${has(maskOf(x), ends)}, ${noKeys}, ${slot(step)})`;
    const known = slot(foundAt(question, step));
    return {
      stand: mode === 'strict' ? starts : sql`arraySort(arrayConcat(${stays}, ${starts}))`,
      found: sql`if(${known} != 0, ${known}, arrayElement(${starts}, 1))`,
    };
  });
};

/** Follows an attempt from its start: (steps it holds, keys of their events). */
const walked = (question: FunnelQuestion): Sql => {
  const { steps, mode } = question;
  const all = numbers(1, steps.length);
  const hits = sql`bitAnd(${maskOf(x)}, arrayElement(${new Bound(
    'Array(UInt32)',
    all.map((step) => bits(reachable(question, step))),
  )}, a.1[-1]))`;
  const ends =
    mode === 'strict'
      ? sql`1`
      : sql`bitAnd(${maskOf(x)}, arrayElement(${new Bound(
          'Array(UInt32)',
          all.map((step) => endingAt(question, step)),
        )}, a.1[-1])) != 0`;
  // The furthest step is the highest bit.
  const step = sql`toUInt8(floor(log2(${hits})) + 1)`;
  return sql`arrayFold(
      (a, x) -> if(a.3 = 1, a, if(${hits} != 0, (arrayPushBack(a.1, ${step}), arrayPushBack(a.2, x), toUInt8(0)), (a.1, a.2, toUInt8(${ends})))),
      if(depth < 2, ${noKeys}, arrayFilter(x -> x > start AND ${within(question, sql`start`, x)}, keys)),
      ([toUInt8(1)], [start], toUInt8(0)))`;
};

const extras = ({ breakdown }: FunnelQuestion): Sql => sql`${breakdown === undefined ? nothing : sql`shown, `}paid`;

/** Attempts in an order of steps: rows (unit, depth, start, reached, at, extras). */
const inOrder = (question: FunnelQuestion, rows: Sql): Sql => {
  const { mode, exclusions, steps, windowMs } = question;
  const single = exclusions.length === 0 && (mode === 'ordered' || steps.every(({ optional }) => !optional));
  const founds = join(
    numbers(1, steps.length).map((step) => sql`passed.${digits(foundAt(question, step))}`),
    ', ',
  );
  const start =
    single && mode === 'ordered'
      ? sql`arrayFirst(x -> ${begins(question, x)} AND ${msOf(x)} >= ${msOf(sql`founds[depth]`)} - ${digits(windowMs)}, keys)`
      : sql`if(more, founds[depth], arrayFirst(x -> ${begins(question, x)}, keys))`;
  const known = [
    sql`${single ? latestStarts(question) : allStarts(question)} AS passed`,
    sql`[${founds}] AS founds`,
    sql`toUInt8(greatest(1, arrayLastIndex(x -> x != 0, founds))) AS depth`,
    sql`${start} AS start`,
    sql`${walked(question)} AS path`,
  ].reduce(adding, rows);
  return sql`
    SELECT ${unitColumns(question)}, ${extras(question)}, depth, start, path.1 AS reached, path.2 AS at
    FROM (${known})`;
};

/** Rows with one column more. TRICKY: an alias that is used in its own SELECT is written out wherever it is used, and the engine gives up
 *  on what comes of ten of them; a column of a subselect is not. */
const adding = (rows: Sql, column: Sql): Sql => sql`SELECT *, ${column} FROM (${rows})`;

/** Attempts in any order: the same rows. An attempt of each start; which of them counts is seen later. */
const inAnyOrder = (question: FunnelQuestion, rows: Sql): Sql => {
  const kinds = kindsOf(question.steps);
  const size = kinds.length;
  const done = sql`length(${slot(size + 1)})`;
  const after = kinds.map((kind, at) => stateAfter(kind, slot(at + 1)));
  const more = sql`(${join(
    kinds
      .map((kind, at) => doneOf(kind, after[at] as Sql))
      .flatMap((count, at) => (at === 0 ? [count] : [sql`+ ${count}`])),
    ' ',
  )}) > ${done}`;
  const endings = sql`bitAnd(${maskOf(x)}, arrayElement(${new Bound(
    'Array(UInt32)',
    numbers(1, question.steps.length).map((step) => endingAt(question, step)),
  )}, toUInt8(${done}))) != 0`;
  const held = slot(size + 1);
  const ended = slot(size + 2);
  const next = [
    ...after.map((state, at) => sql`if(${ended} = 1, ${slot(at + 1)}, ${state})`),
    sql`if(${ended} = 0 AND ${more}, arrayPushBack(${held}, x), ${held})`,
    sql`toUInt8(${ended} = 1 OR (NOT ${more} AND ${endings}))`,
  ];
  const initial = [...kinds.map(stateBefore), noKeys, sql`toUInt8(0)`];
  const passed = sql`
    SELECT *, start,
      arrayFold((a, x) -> (${join(next, ', ')}), arrayFilter(x -> x >= start AND ${within(question, sql`start`, x)}, keys),
        (${join(initial, ', ')})) AS passed
    FROM (${rows})
    ARRAY JOIN arrayFilter(x -> ${begins(question, x)}, keys) AS start`;
  return sql`
    SELECT ${unitColumns(question)}, ${extras(question)}, start, at, toUInt8(length(at)) AS depth, arrayMap(n -> toUInt8(n), arrayEnumerate(at)) AS reached
    FROM (${adding(passed, sql`passed.${digits(size + 1)} AS at`)})`;
};

/** What is known of one kind of step before the first event. */
const stateBefore = (kind: StepKind): Sql =>
  kind.same ? sql`toUInt8(0)` : sql`CAST(1, ${new Bound('String', kind.type)})`;

/** What is known after an event: of equal steps how many are done; of others every set of steps that can be, a bit for each set. */
const stateAfter = (kind: StepKind, before: Sql): Sql => {
  if (kind.same)
    return sql`toUInt8(least(${digits(kind.steps.length)}, ${before} + ${has(maskOf(x), bitOf(kind.steps[0] ?? 1))}))`;
  const grown = kind.steps.map(
    (step, place) =>
      sql`if(${has(maskOf(x), bitOf(step))}, bitShiftLeft(bitAnd(${before}, ${kind.without(place)}), ${digits(2 ** place)}), ${kind.none})`,
  );
  return [before, ...grown].reduce((all, sets) => sql`bitOr(${all}, ${sets})`);
};

/** How many steps of a kind are done. */
const doneOf = (kind: StepKind, state: Sql): Sql =>
  kind.same
    ? state
    : sql`multiIf(${join(
        numbers(1, kind.steps.length)
          .reverse()
          .map((count) => sql`bitAnd(${state}, ${kind.ofSize(count)}) != ${kind.none}, ${digits(count)}`),
        ', ',
      )}, 0)`;

/** One sequence for each of the values that must not change: events of other values are no steps there. */
const apart = (question: FunnelQuestion, rows: Sql): Sql => {
  const { mode, breakdown } = question;
  const own = sql`arrayMap((x, h) -> if(h = hold, x, bitXor(x, bitAnd(x, toUInt128(${digits(stepBits(question))})))), keys, holding)`;
  const mattering = mode === 'strict' ? own : sql`arrayFilter(x -> ${maskOf(x)} != 0, ${own})`;
  return sql`
    SELECT ${unitColumns(question)}, ${breakdown === undefined ? nothing : sql`shown, `}paid, more, ${mattering} AS keys_of, keys_of AS keys
    FROM (SELECT *, hold FROM (${rows})
      ARRAY JOIN arrayDistinct(arrayFilter((h, x) -> ${begins(question, x)}, holding, keys)) AS hold)`;
};

/** Each unit's attempt: rows (unit, `reached` Array(UInt8) of the steps it holds, `times` Array(Int64) of their milliseconds, `identity`,
 *  and as asked for `shown` (String) and `money` (currency, amount)). */
export const attempts = (question: FunnelQuestion, reading: FunnelReading): Sql => {
  const { mode, breakdown, steps } = question;
  const whole = sequences(question, reading);
  const rows = holds(question) ? apart(question, whole) : whole;
  const all = mode === 'any' ? inAnyOrder(question, rows) : inOrder(question, rows);
  // Of several attempts of a unit the deepest counts, and the earliest of those.
  const one =
    mode === 'any' || holds(question)
      ? sql`
    SELECT *, best.1 AS reached, best.2 AS at
    FROM (
      SELECT ${unitColumns(question)}, ${breakdown === undefined ? nothing : sql`any(shown) AS shown, `}any(paid) AS paid,
        argMax((reached, at), (depth, bitNot(start))) AS best
      FROM (${all})
      GROUP BY ${unitColumns(question)})`
      : all;
  const value =
    breakdown === undefined
      ? []
      : [sql`arrayFirst(row -> row.1 = ${attributed(breakdown.attribution, breakdown.step)}, shown).2 AS value`];
  return sql`
    SELECT ${join(
      [
        unitColumns(question),
        sql`reached`,
        sql`arrayMap(x -> ${msOf(x)}, at) AS times`,
        ...value,
        sql`if(reached[-1] = ${digits(steps.length)}, arrayFirst(row -> row.1 = at[-1], paid), (toUInt128(0), '', toDecimal64(0, 4))) AS money`,
      ],
      ', ',
    )}
    FROM (${one})`;
};

const attributed = (attribution: 'first' | 'last' | 'step', step: number): Sql => {
  if (attribution === 'first') return sql`at[1]`;
  return attribution === 'last' ? sql`at[-1]` : sql`at[indexOf(reached, ${digits(step)})]`;
};
