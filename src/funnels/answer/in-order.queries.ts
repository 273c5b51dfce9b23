// How far does a unit come where steps have an order? Its deepest attempt, and of equals the earliest, out of its sequence of events. Pure.
import { Bound, digits, ident, join, sql, type Sql } from '../../platform/clickhouse/sql';
import type { FunnelQuestion } from '../funnel.types';
import { adding, begins, endingAt, extras, has, noKey, noKeys, numbers, slot, within, x } from './attempt-parts';
import { bitOf, keyAt, maskOf, msOf, stepBits, unitColumns } from './sequence.queries';

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

/** The event moves attempts at step `from` on to `step`, the furthest that it can be. */
const moves = (question: FunnelQuestion, from: number, step: number, mask: Sql): Sql => {
  const beyond = bits(reachable(question, from).filter((other) => other > step));
  const hit = has(mask, bitOf(step));
  return beyond === 0 ? hit : sql`(${hit} AND NOT ${has(mask, beyond)})`;
};

const comesFrom = (question: FunnelQuestion, step: number): number[] =>
  numbers(1, step - 1)
    .filter((from) => reachable(question, from).includes(step))
    .reverse();

/** No start: so early that no window reaches from it. */
const never = sql`-1000000000000000`;

/** Adds to sequences lists beside those of their keys that are walked through: `masks`, `moments`, and `came_1`, when an attempt begins. */
const begun = (question: FunnelQuestion, rows: Sql): Sql => {
  const { mode, range } = question;
  // Of attempts that begin one right after the other the last comes as far as any.
  const isFirst = (key: Sql): Sql => sql`${maskOf(key)} = ${digits(bitOf(1))}`;
  const walked =
    mode === 'strict'
      ? sql`keys`
      : sql`arrayFilter((x, next) -> NOT (${isFirst(x)} AND ${isFirst(sql`next`)} AND next < ${keyAt(range.to)}),
          keys, arrayPushBack(arraySlice(keys, 2), ${noKey}))`;
  return sql`SELECT *, arrayMap(x -> ${maskOf(x)}, walked) AS masks, arrayMap(x -> ${msOf(x)}, walked) AS moments,
      arrayMap(x -> if(${begins(question, x)}, ${msOf(x)}, ${never}), walked) AS came_1
    FROM (SELECT *, if(more, ${walked}, ${noKeys}) AS walked FROM (${rows}))`;
};

/** Adds to sequences, step by step, lists beside their keys: `came_k` says of each event when the latest attempt began that came to
 *  step k with it, `never` for none. The latest comes as far as any other, as its window ends last. No pass event by event is needed:
 *  an event knows the attempts that stand before it by filling up what came last.
 *  - ordered: attempts stand at a step until the end. strict: until the next event. */
const withLatestStarts = (question: FunnelQuestion, rows: Sql): Sql => {
  const { steps, mode, windowMs } = question;
  const came = (step: number): Sql => ident(`came_${step}`);
  const standing = (step: number): Sql => {
    const all = mode === 'strict' ? came(step) : sql`arrayFill(s -> s != ${never}, ${came(step)})`;
    return sql`arraySlice(arrayPushFront(${all}, ${never}), 1, length(masks))`;
  };
  const coming = (step: number): Sql => {
    const from = comesFrom(question, step);
    const moved = from.map((before) => {
      const start = ident(`s${before}`);
      return sql`if(${moves(question, before, step, sql`m`)} AND t - ${start} <= ${digits(windowMs)}, ${start}, ${never})`;
    });
    const latest = moved.length === 1 ? (moved[0] as Sql) : sql`greatest(${join(moved, ', ')})`;
    return sql`arrayMap((m, t, ${join(
      from.map((before) => ident(`s${before}`)),
      ', ',
    )}) -> ${latest}, masks, moments, ${join(from.map(standing), ', ')})`;
  };
  return numbers(2, steps.length).reduce(
    (known, step) => adding(known, sql`${coming(step)} AS ${came(step)}`),
    begun(question, rows),
  );
};

/** Adds `passed` to sequences whose steps are all needed: the lists of the last step, and for each step before it the place of the first event
 *  by which an attempt came there. The same walk as above, said once for all steps: what the engine needs to understand a statement
 *  grows with its text, and of a sample that is more than what it needs to read. */
const withSteadyWalk = (question: FunnelQuestion, rows: Sql): Sql => {
  const { steps, mode, windowMs } = question;
  const came = sql`a.1`;
  const all = mode === 'strict' ? came : sql`arrayFill(s -> s != ${never}, ${came})`;
  const coming = sql`arrayMap((m, t, s) -> if(bitTest(m, step) AND t - s <= ${digits(windowMs)}, s, ${never}),
      masks, moments, arraySlice(arrayPushFront(${all}, ${never}), 1, length(masks)))`;
  return adding(
    begun(question, rows),
    sql`arrayFold((a, step) -> (${coming}, arrayPushBack(a.2, arrayFirstIndex(s -> s != ${never}, ${came}))),
      range(1, if(more, ${digits(steps.length)}, 1)), (came_1, CAST([], 'Array(UInt32)'))) AS passed`,
  );
};

/** Adds `depth` and `start` where the latest starts tell them. */
const fromLatestStarts = (question: FunnelQuestion, rows: Sql): Sql => {
  const { steps, mode, windowMs } = question;
  const founds = (): Sql => {
    if (steps.every(({ optional }) => !optional))
      return adding(
        withSteadyWalk(question, rows),
        sql`arrayPushBack(passed.2, arrayFirstIndex(s -> s != ${never}, passed.1)) AS founds`,
      );
    const first = numbers(1, steps.length).map(
      (step) => sql`arrayFirstIndex(s -> s != ${never}, ${ident(`came_${step}`)})`,
    );
    return adding(withLatestStarts(question, rows), sql`[${join(first, ', ')}] AS founds`);
  };
  const depth = adding(founds(), sql`toUInt8(greatest(1, arrayLastIndex(place -> place != 0, founds))) AS depth`);
  const first = sql`arrayFirst(x -> ${begins(question, x)}, keys)`;
  // Ordered: all attempts that were begun before the event by which the depth was first reached, and whose window holds it, come there with
  // it: the first of them counts. Strict: an attempt is a piece of the sequence.
  const start =
    mode === 'strict'
      ? sql`if(more, walked[founds[depth] - depth + 1], ${first})`
      : sql`if(depth > 1, arrayFirst(x -> ${begins(question, x)} AND ${msOf(x)} >= moments[founds[depth]] - ${digits(windowMs)}, keys), ${first})`;
  return adding(depth, sql`${start} AS start`);
};

/** Adds `depth` and `start` where attempts at a step may end one by one. A pass keeps for each step but the last all starts of attempts
 *  that stand there, oldest first, then for each step the start of the first attempt that came there. */
const fromAllStarts = (question: FunnelQuestion, rows: Sql): Sql => {
  const { mode, steps } = question;
  const size = steps.length;
  const moved = (step: number): Sql => {
    if (step === 1) return sql`if(${begins(question, x)}, [x], ${noKeys})`;
    const groups = comesFrom(question, step).map(
      (from) =>
        sql`if(${moves(question, from, step, maskOf(x))}, arrayFilter(s -> ${within(question, sql`s`, x)}, ${slot(from)}), ${noKeys})`,
    );
    return groups.length === 1 ? (groups[0] as Sql) : sql`arraySort(arrayConcat(${join(groups, ', ')}))`;
  };
  const stand = (step: number): Sql => {
    if (mode === 'strict') return moved(step);
    const ends = bits(reachable(question, step)) + endingAt(question, step);
    return sql`arraySort(arrayConcat(if(${has(maskOf(x), ends)}, ${noKeys}, ${slot(step)}), ${moved(step)}))`;
  };
  const found = (step: number): Sql =>
    sql`if(${slot(size - 1 + step)} != 0, ${slot(size - 1 + step)}, arrayElement(${moved(step)}, 1))`;
  const states = [...numbers(1, size - 1).map(stand), ...numbers(1, size).map(found)];
  const initial = [...numbers(1, size - 1).map(() => noKeys), ...numbers(1, size).map(() => noKey)];
  const passed = sql`arrayFold((a, x) -> (${join(states, ', ')}), if(more, keys, ${noKeys}), (${join(initial, ', ')})) AS passed`;
  const founds = numbers(1, size).map((step) => sql`passed.${digits(size - 1 + step)}`);
  return [
    passed,
    sql`[${join(founds, ', ')}] AS founds`,
    sql`toUInt8(greatest(1, arrayLastIndex(x -> x != 0, founds))) AS depth`,
    sql`if(more, founds[depth], arrayFirst(x -> ${begins(question, x)}, keys)) AS start`,
  ].reduce(adding, rows);
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

/** Attempts in an order of steps: rows (unit, depth, start, reached, at, extras). */
export const inOrder = (question: FunnelQuestion, rows: Sql): Sql => {
  const { mode, exclusions, steps } = question;
  const noneIsOptional = steps.every(({ optional }) => !optional);
  const isSimple = exclusions.length === 0 && (mode === 'ordered' || noneIsOptional);
  const begun = isSimple ? fromLatestStarts(question, rows) : fromAllStarts(question, rows);
  const columns = sql`${unitColumns(question)}, ${extras(question)}, depth, start`;
  if (isSimple && noneIsOptional)
    return sql`SELECT ${columns}, arrayMap(n -> toUInt8(n), range(1, depth + 1)) AS reached, at FROM (${withSteps(question, begun)})`;
  return sql`SELECT ${columns}, path.1 AS reached, path.2 AS at FROM (${adding(begun, sql`${walked(question)} AS path`)})`;
};

/** Adds the keys of an attempt's events, where each step up to its depth has one: the first that fits after that of the step before. */
const withSteps = (question: FunnelQuestion, rows: Sql): Sql => {
  const { mode } = question;
  if (mode === 'strict')
    return adding(rows, sql`if(depth < 2, [start], arraySlice(walked, indexOf(walked, start), depth)) AS at`);
  const rest = sql`if(depth < 2, ${noKeys}, arrayFilter(x -> x > start AND ${has(maskOf(x), stepBits(question) - 1)} AND ${within(question, sql`start`, x)}, keys)) AS rest`;
  const at = sql`arrayFold((a, step) -> arrayPushBack(a, arrayFirst(x -> x > a[-1] AND bitTest(${maskOf(x)}, step), rest)), range(1, depth), [start])`;
  return adding(adding(rows, rest), sql`${at} AS at`);
};
