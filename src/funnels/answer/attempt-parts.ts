// What do all ways to find attempts have in common? When one begins, how long it lasts, and what ends it. Pure.
import { digits, nothing, sql, type Sql } from '../../platform/clickhouse/sql';
import type { FunnelQuestion } from '../funnel.types';
import { bitOf, keyAt, maskOf, msOf, stepBits } from './sequence.queries';

/** Whole numbers, both ends included. */
export const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);
/** Whether some of these bits are set. */
export const has = (mask: Sql, wanted: number): Sql => sql`(bitAnd(${mask}, ${digits(wanted)}) != 0)`;
/** No key. */
export const noKey = sql`toUInt128(0)`;
export const noKeys = sql`CAST([], 'Array(UInt128)')`;
/** A part of what a pass knows. */
export const slot = (place: number): Sql => sql`a.${digits(place)}`;
/** The event that a pass has come to. */
export const x = sql`x`;

/** Bits of the exclusions that end an attempt which stands at a step. */
export const endingAt = ({ steps, exclusions }: FunnelQuestion, step: number): number =>
  exclusions.reduce(
    (sum, { fromStep, toStep }, at) => (fromStep <= step && step < toStep ? sum + bitOf(steps.length + 1 + at) : sum),
    0,
  );

/** The event of a key can begin an attempt. */
export const begins = (question: FunnelQuestion, at: Sql): Sql => {
  const { mode, range } = question;
  const first = mode === 'any' ? stepBits(question) : bitOf(1);
  return sql`(${has(maskOf(at), first)} AND ${at} >= ${keyAt(range.from)} AND ${at} < ${keyAt(range.to)})`;
};

/** Whether an event lies within the window of an attempt. */
export const within = ({ windowMs }: FunnelQuestion, start: Sql, at: Sql): Sql =>
  sql`${msOf(at)} <= ${msOf(start)} + ${digits(windowMs)}`;

/** Columns that are carried along. */
export const extras = ({ breakdown }: FunnelQuestion): Sql =>
  sql`${breakdown === undefined ? nothing : sql`shown_at, shown, `}paid_at, paid`;

/** Rows with one column more. TRICKY: an alias that is used in its own SELECT is written out wherever it is used, and the engine gives up
 *  on what comes of ten of them; a column of a subselect is not. */
export const adding = (rows: Sql, column: Sql): Sql => sql`SELECT *, ${column} FROM (${rows})`;
