// Where does a walk go on? Besides the place, its cursor holds what the first page has looked at: the range, and when it looked. Pure.
import { type CursorKind, decodeCursor } from '../common/cursor';
import type { Problem } from '../common/problem';
import type { TimeRange } from '../common/time-range';
import { badParameter } from '../stats';

/** What a walk looks at, from its first page to its last. */
export interface Looked {
  readonly range: TimeRange;
  /** Events that arrived later are not there: none of them can move a row across the place. */
  readonly arrived: number;
}

/** The walk of a cursor, and the texts that say its place.
 *  @param places how many texts it has
 *  @throws invalidInput */
export const readWalk = (cursor: string, places: number): Looked & { place: string[] } => {
  const kinds: readonly CursorKind[] = ['number', 'number', 'number', ...Array<'string'>(places).fill('string')];
  const [from, to, arrived, ...place] = decodeCursor<readonly CursorKind[]>(cursor, kinds) as [
    number,
    number,
    number,
    ...string[],
  ];
  if (
    ![from, to, arrived].every((at) => Number.isSafeInteger(at) && Math.abs(at) < MOST_MS) ||
    from >= to ||
    arrived < 0
  )
    throw badCursor();
  return { range: { from, to }, arrived, place };
};

/** What a JavaScript date can hold. */
const MOST_MS = 8_640_000_000_000_000;

/** The values of a cursor. */
export const walkValues = ({ range, arrived }: Looked, place: readonly string[]): (string | number)[] => [
  range.from,
  range.to,
  arrived,
  ...place,
];

/** A cursor that no list of this kind returned. */
export const badCursor = (): Problem =>
  badParameter('cursor', 'invalid_cursor', 'must be a cursor that this list returned');
