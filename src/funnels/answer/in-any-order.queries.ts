// How far does a unit come where steps have no order? Each event is given to one step, so that as many as can be are done. Pure.
import { Bound, digits, join, sql, type Sql } from '../../platform/clickhouse/sql';
import type { FunnelQuestion } from '../funnel.types';
import { kindsOf, type StepKind } from './any-order';
import { adding, begins, endingAt, extras, has, noKeys, numbers, slot, within, x } from './attempt-parts';
import { bitOf, maskOf, unitColumns } from './sequence.queries';

/** Attempts in any order: the same rows. An attempt of each start; which of them counts is seen later. */
export const inAnyOrder = (question: FunnelQuestion, rows: Sql): Sql => {
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
