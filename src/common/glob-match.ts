// Does a path fit one of many globs? For whoever matches in this process: globs may be anybody's, so the time must grow with their length
// times the path's and no faster, which regular expressions of this engine do not promise. Pure.
import { type GlobPiece, readGlob } from './glob';

/** What a place in the globs takes, where that is no character. */
const [NOTHING, TEXT, PART] = [-1, -2, -3];
const SLASH: GlobPiece = '/';
const END = 0;

/** Compiles globs, as `readGlob` reads them, into a question: whether a path fits one of them, from its beginning to its end.
 *  A step of a walk costs some nanoseconds, and there is one for each character of the path and each place that it may be in. */
export const matcherOf = (globs: readonly string[]): ((path: string) => boolean) => {
  // Of each place: what it takes, where that leads, and in which places a walk is too that is here.
  const takes = [NOTHING];
  const next = [END];
  const free: (readonly number[] | undefined)[] = [undefined];
  const add = (what: number, to: number, also?: readonly number[]): number => {
    next.push(to);
    free.push(also);
    return takes.push(what) - 1;
  };
  const loop = (what: number, to: number): number => add(what, takes.length, [to]);
  const before = (piece: GlobPiece, to: number): number => {
    if (typeof piece === 'string') return add(piece.codePointAt(0) ?? NOTHING, to);
    if ('choices' in piece)
      return add(
        NOTHING,
        END,
        piece.choices.map((choice) => choice.reduceRight(back, to)),
      );
    if (piece.any === 'character') return add(PART, to);
    if (piece.any !== 'parts') return loop(piece.any === 'part' ? PART : TEXT, to);
    return add(NOTHING, END, [to, before(SLASH, loop(TEXT, to))]);
  };
  const back = (to: number, piece: GlobPiece): number => before(piece, to);
  const starts = globs.map((glob) => readGlob(glob).reduceRight(back, END));

  /** In which turn a place was reached last: each is gone into once a turn. */
  const reached = new Float64Array(takes.length);
  let turn = 0;
  const enter = (at: number, into: number[]): void => {
    if (reached[at] === turn) return;
    reached[at] = turn;
    into.push(at);
    const also = free[at];
    if (also !== undefined) for (const one of also) enter(one, into);
  };

  return (path) => {
    let here: number[] = [];
    turn += 1;
    for (const start of starts) enter(start, here);
    for (const char of path) {
      const code = char.codePointAt(0);
      const there: number[] = [];
      turn += 1;
      for (const at of here) {
        const what = takes[at];
        if (what === code || what === TEXT || (what === PART && char !== '/')) enter(next[at] ?? END, there);
      }
      if (there.length === 0) return false;
      here = there;
    }
    return reached[END] === turn;
  };
};
