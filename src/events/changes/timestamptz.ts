// How is a moment written into a statement for Postgres, and read from one? For whoever compares marks, horizons and cells with a range that was asked for.
import { sql, type SQL } from 'drizzle-orm';
import { storable } from '../query';

/** A moment, milliseconds. A question may reach beyond what Postgres can say: no event is there. */
export const timestamptz = (at: number): SQL => sql`${new Date(storable(at)).toISOString()}::timestamptz`;

/** A column, or an expression, of a moment as milliseconds. A driver gives these as text. */
export const milliseconds = (moment: SQL): SQL => sql`(extract(epoch FROM ${moment}) * 1000)::bigint`;
