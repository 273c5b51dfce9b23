// How is SQL for ClickHouse written here? As a tagged template: values travel beside the text, fragments nest, and nothing else gets in.

/** A piece of SQL with its bound values. Made by `sql` only, so a plain string can't become one by accident. */
export class Sql {
  constructor(
    readonly strings: readonly string[],
    readonly values: readonly (Sql | Bound)[],
  ) {}
}

/** A value with the ClickHouse type under which it is bound. */
export class Bound {
  constructor(
    readonly type: string,
    readonly value: unknown,
  ) {}
}

/** What the client sends: text with `{p0:Type}` places, and the values for them. */
export interface RenderedSql {
  query: string;
  params: Record<string, unknown>;
}

/** Writes SQL. Interpolations are fragments or bound values; anything else does not compile. */
export const sql = (strings: TemplateStringsArray, ...values: (Sql | Bound)[]): Sql => new Sql(strings, values);

/** The empty fragment. */
export const nothing = new Sql([''], []);

/** Fragments joined by a separator that is itself SQL text of ours, never input. */
export const join = (parts: readonly Sql[], separator: ', ' | ' AND ' | ' OR ' | ' UNION ALL ' | ' ' | '\n'): Sql =>
  parts.length === 0 ? nothing : new Sql(['', ...parts.slice(1).map(() => separator), ''], parts);

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$/;

/** A column or table name out of the code's own lists. It is checked all the same: input never passes. */
export const ident = (name: string): Sql => {
  if (!IDENTIFIER.test(name)) throw new Error('An identifier must come from a list of ours');
  return new Sql([name], []);
};

/** A whole number of the code's own, written out: the engine wants some places (a tuple's element) literally. */
export const digits = (value: number): Sql => {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error('Digits are those of a whole number');
  return new Sql([String(value)], []);
};

export const text = (value: string): Bound => new Bound('String', value);
export const texts = (values: readonly string[]): Bound => new Bound('Array(String)', values);
export const uuid = (value: string): Bound => new Bound('UUID', value);
export const uuids = (values: readonly string[]): Bound => new Bound('Array(UUID)', values);
export const uint8 = (value: number): Bound => new Bound('UInt8', value);
export const uint32 = (value: number): Bound => new Bound('UInt32', value);
export const int64 = (value: number | bigint): Bound => new Bound('Int64', value.toString());
export const float64 = (value: number): Bound => new Bound('Float64', value);
/** A 64-bit hash (visitor, user, session), given as the 16 hexadecimal digits that the API shows. */
export const hash = (hex: string): Bound => new Bound('UInt64', BigInt(`0x${hex}`).toString());
/** A moment, in milliseconds. Bound as text: a bare number is refused, a Date would lose its milliseconds. */
export const instant = (ms: number): Bound => new Bound("DateTime64(3, 'UTC')", clickhouseTime(ms));
/** A calendar day, `YYYY-MM-DD`. */
export const date = (day: string): Bound => new Bound('Date', day);

/** ClickHouse's text for a moment: `YYYY-MM-DD hh:mm:ss.mmm`, UTC. */
export const clickhouseTime = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').slice(0, 23);

/** Text and values for the client. Equal values share a place, so that the text of a query is stable. */
export function render(fragment: Sql): RenderedSql {
  const params: Record<string, unknown> = {};
  const names = new Map<string, string>();
  const write = (part: Sql): string =>
    part.strings.reduce((done, piece, at) => {
      const value = part.values[at - 1];
      return done + (value instanceof Sql ? write(value) : place(value as Bound)) + piece;
    });
  const place = (bound: Bound): string => {
    const key = `${bound.type}\0${JSON.stringify(bound.value)}`;
    let name = names.get(key);
    if (name === undefined) {
      name = `p${names.size}`;
      names.set(key, name);
      params[name] = bound.value;
    }
    return `{${name}:${bound.type}}`;
  };
  return { query: write(fragment).trim(), params };
}
