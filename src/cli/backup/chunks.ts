// How is a large table cut into pieces? By what never changes of a row, so that each row is in exactly one, whatever is stored meanwhile.

/** About so many rows go into a file: some 30 MB of events before they are compressed, and one insert when they come back. */
export const CHUNK_ROWS = 100_000;

/** The largest UInt64. */
const LAST = 2n ** 64n - 1n;

/** Rows of consecutive days of one month, as they were counted. */
export interface DayCount {
  /** YYYYMM */
  readonly month: number;
  /** Days since the epoch. */
  readonly day: number;
  readonly rows: number;
}

/** A piece by time: days of one month, both ends included; all of their visitors, or those between two hashes, both included. */
export interface DayChunk {
  readonly month: number;
  readonly fromDay: number;
  readonly toDay: number;
  readonly hashes: HashChunk;
  /** About how many. */
  readonly rows: number;
}

/** A stretch of hashes, decimal, both ends included. */
export interface HashChunk {
  readonly from: string;
  readonly to: string;
}

/** Cuts all hashes into stretches of about the same number of rows. Hashes are spread evenly. */
export function hashChunks(rows: number, most = CHUNK_ROWS): HashChunk[] {
  const pieces = BigInt(Math.max(1, Math.ceil(rows / most)));
  const at = (piece: bigint): bigint => ((LAST + 1n) * piece) / pieces;
  return Array.from({ length: Number(pieces) }, (_, piece) => ({
    from: at(BigInt(piece)).toString(),
    to: (at(BigInt(piece) + 1n) - 1n).toString(),
  }));
}

/** Cuts days into pieces: small ones of a month go together, large ones are divided by visitor.
 *  @param days in order */
export function dayChunks(days: readonly DayCount[], most = CHUNK_ROWS): DayChunk[] {
  const groups: { month: number; fromDay: number; toDay: number; rows: number }[] = [];
  for (const { month, day, rows } of days) {
    const last = groups.at(-1);
    if (last !== undefined && last.month === month && last.rows + rows <= most)
      groups[groups.length - 1] = { ...last, toDay: day, rows: last.rows + rows };
    else groups.push({ month, fromDay: day, toDay: day, rows });
  }
  return groups.flatMap(({ rows, ...group }) => {
    const stretches = hashChunks(rows, most);
    return stretches.map((hashes) => ({ ...group, hashes, rows: rows / stretches.length }));
  });
}
