// How is a moment written into a statement for Postgres? For whoever compares marks, horizons and cells with a range that was asked for.
import { sql, type SQL } from 'drizzle-orm';
import { storable } from '../query';

/** A moment, milliseconds. A question may reach beyond what Postgres can say: no event is there. */
export const timestamptz = (at: number): SQL => sql`${new Date(storable(at)).toISOString()}::timestamptz`;
