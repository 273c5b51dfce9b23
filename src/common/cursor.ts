// How does a client walk a long list? By an opaque keyset cursor: the sort values of the last row it has seen.
import { invalidInput } from './problem';

/** One page of a list, as the contract has it. */
export interface Page<T> {
  data: T[];
  page: { next: string | null };
}

/** Packs the sort values of a row. Opaque to clients: base64url of JSON. */
export const encodeCursor = (values: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(values)).toString('base64url');

/** Unpacks a cursor into values of the given kinds.
 *  @throws invalidInput for anything that this server did not make */
export function decodeCursor<K extends readonly ('string' | 'number')[]>(
  cursor: string,
  kinds: K,
): { -readonly [I in keyof K]: K[I] extends 'string' ? string : number } {
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (
      Array.isArray(values) &&
      values.length === kinds.length &&
      kinds.every((kind, at) => typeof values[at] === kind)
    )
      return values as never;
  } catch {
    // Falls through: what can't be parsed is not a cursor.
  }
  throw invalidInput({
    errors: [{ path: 'cursor', code: 'invalid_cursor', message: 'must be a cursor that this list returned' }],
  });
}

/** Cuts a page out of `limit + 1` rows: one row more than asked tells whether there is a next page. */
export const toPage = <R, T>(
  rows: readonly R[],
  limit: number,
  keyOf: (row: R) => readonly (string | number)[],
  map: (row: R) => T,
): Page<T> => {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    data: shown.map(map),
    page: { next: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null },
  };
};
