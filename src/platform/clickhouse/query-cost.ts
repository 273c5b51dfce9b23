// What did a query cost? Figures of the engine's own, for `meta`, `explain` and the metrics.

/** What one query took. */
export interface QueryCost {
  /** The constant word that it carried. */
  readonly purpose: string;
  /** Rows and uncompressed bytes read from tables, by all parts of the query. */
  readonly rows: number;
  readonly bytes: number;
  /** Most that it held at a time; undefined where the server does not tell. */
  readonly memoryBytes: number | undefined;
  /** From the moment that it was sent to the last row. */
  readonly elapsedMs: number;
  /** Before that, for its turn. */
  readonly waitedMs: number;
}

/** Is told of each query that came to its end. */
export type QueryAccount = (cost: QueryCost) => void;

/** Reads `X-ClickHouse-Summary`, whose numbers are texts. */
export function readSummary(header: unknown): Pick<QueryCost, 'rows' | 'bytes' | 'memoryBytes'> {
  let told: Record<string, unknown> = {};
  try {
    if (typeof header === 'string') told = JSON.parse(header) as Record<string, unknown>;
  } catch {
    // A proxy's cut header costs the figures, not the answer.
  }
  const figure = (name: string): number | undefined => {
    const value = Number(told[name]);
    return told[name] === undefined || !Number.isFinite(value) ? undefined : value;
  };
  return { rows: figure('read_rows') ?? 0, bytes: figure('read_bytes') ?? 0, memoryBytes: figure('memory_usage') };
}
