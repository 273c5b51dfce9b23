// How does a client walk a long list? By an opaque keyset cursor: the sort values of the last row it has seen.
import { invalidInput } from './problem';

/** One page of a list, as the contract has it. */
export interface Page<T> {
  data: T[];
  page: { next: string | null };
}

/** What a cursor may hold in one place; `number?` is a number or null. */
export type CursorKind = 'string' | 'number' | 'number?';
type OfKind<K extends CursorKind> = K extends 'string' ? string : K extends 'number' ? number : number | null;

/** Packs the sort values of a row. Opaque to clients: base64url of JSON. */
export const encodeCursor = (values: readonly (string | number | null)[]): string =>
  Buffer.from(JSON.stringify(values)).toString('base64url');

const isOfKind = (kind: CursorKind, value: unknown): boolean =>
  kind === 'number?'
    ? value === null || Number.isFinite(value)
    : kind === 'number'
      ? Number.isFinite(value)
      : typeof value === 'string';

/** Unpacks a cursor into values of the given kinds.
 *  @throws invalidInput for anything that this server did not make */
export function decodeCursor<K extends readonly CursorKind[]>(
  cursor: string,
  kinds: K,
): { -readonly [I in keyof K]: OfKind<K[I]> } {
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (
      Array.isArray(values) &&
      values.length === kinds.length &&
      kinds.every((kind, at) => isOfKind(kind, values[at]))
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
  keyOf: (row: R) => readonly (string | number | null)[],
  map: (row: R) => T,
): Page<T> => {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    data: shown.map(map),
    page: { next: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null },
  };
};
