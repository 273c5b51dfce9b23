// Which values can be among the first rows of a breakdown? As few as possible are read, as their visitor states are most of what it costs.

/** A value with a figure that is no less than that of its row. */
export interface RankedValue {
  readonly value: string;
  readonly rank: number;
}

/** How the first rows are looked for. */
export interface FirstRows<Row> {
  /** Rows that are wanted. */
  readonly limit: number;
  /** By how much a row's figure may be more than its rank after all: 1, not at all. */
  readonly slack: number;
  readonly figureOf: (row: Row) => number;
  /** The first of all values, the highest rank first. */
  readonly values: (count: number) => Promise<readonly RankedValue[]>;
  /** The first rows of these values, the highest figure first; fewer than `limit` where no more of them count. */
  readonly rows: (values: readonly string[]) => Promise<Row[]>;
}

/** Values that are listed at first. */
const LISTED = 1_000;
const MORE = 8;

/** The first rows of all values: nobody who was not read can come before the last of them. @throws what `values` and `rows` throw */
export async function firstRows<Row>({ limit, slack, figureOf, values, rows }: FirstRows<Row>): Promise<Row[]> {
  // The last row of a few tells which others can matter at all.
  let count = 2 * limit;
  for (let listed = Math.max(LISTED, count); ; listed *= MORE) {
    const ranked = await values(listed);
    const isAll = ranked.length < listed;
    for (;;) {
      const read = ranked.slice(0, count);
      const found = await rows(read.map(({ value }) => value));
      const last = found[limit - 1];
      const least = last === undefined ? 0 : figureOf(last);
      const possible = ranked.filter(({ rank }) => rank * slack >= least).length;
      if (possible > read.length) {
        count = last === undefined ? count * MORE : possible;
        continue;
      }
      if (isAll || possible < ranked.length) return found;
      count = last === undefined ? count * MORE : Math.max(count, possible);
      break;
    }
  }
}
