// Which paths does a glob mean? `*`, `**`, `?` and `{a,b}`, read once: a pattern that RE2 takes, so that the warehouse can match it, or
// steps for `glob-match.ts`. Pure.

/** Longest glob that is taken. */
export const MAX_GLOB = 500;

/** A piece of a glob: a character that means itself, any of its kind, or a choice. `part` is any text within a part of the path, `parts`
 *  are any number of them, each with the slash before it. */
export type GlobPiece =
  string | { readonly any: 'character' | 'part' | 'parts' | 'text' } | { readonly choices: readonly GlobPiece[][] };

/** Reads a glob. `*` is any text within a part of the path, `?` one character of it, `**` any number of parts, none included (`/blog/**`
 *  is also `/blog`), `{a,b}` one of several; all else means itself, braces that are not closed or hold no choice too. */
export const readGlob = (glob: string): GlobPiece[] => piecesOf(glob, '');

/** The pattern of a glob, anchored at both ends. */
export const globPattern = (glob: string): string => `(?s)^${patternOf(readGlob(glob))}$`;

const PATTERNS = { character: '[^/]', part: '[^/]*', parts: '(?:/.*)?', text: '.*' } as const;

const patternOf = (pieces: readonly GlobPiece[]): string =>
  pieces
    .map((piece) => {
      if (typeof piece === 'string') return piece.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
      return 'any' in piece ? PATTERNS[piece.any] : `(?:${piece.choices.map(patternOf).join('|')})`;
    })
    .join('');

/** @param then what follows this part of the glob: one of several ends as the whole does, if nothing follows */
const piecesOf = (glob: string, then: string): GlobPiece[] => {
  const pieces: GlobPiece[] = [];
  for (let at = 0; at < glob.length;) {
    const rest = glob.slice(at);
    const chosen = choicesOf(rest);
    // Parts that may be missing take the slash before them along: `/a/**` is `/a` too. Several in a row are as one.
    const parts = /^(?:\/\*\*)+(?=\/|$)/.exec(rest)?.[0];
    if (parts !== undefined && (parts.length < rest.length || then === '' || then.startsWith('/'))) {
      pieces.push({ any: 'parts' });
      at += parts.length;
    } else if (chosen !== undefined) {
      const after = glob.slice(at + chosen.length) + then;
      pieces.push({ choices: chosen.choices.map((choice) => piecesOf(choice, after)) });
      at += chosen.length;
    } else if (rest.startsWith('**')) {
      pieces.push({ any: 'text' });
      at += 2;
    } else {
      const char = String.fromCodePoint(glob.codePointAt(at) ?? 0);
      pieces.push(char === '*' ? { any: 'part' } : char === '?' ? { any: 'character' } : char);
      at += char.length;
    }
  }
  return pieces;
};

/** What a text offers that begins with `{a,b}`, and the length of that; undefined where it does not. */
const choicesOf = (text: string): { choices: string[]; length: number } | undefined => {
  if (!text.startsWith('{')) return undefined;
  const choices: string[] = [];
  let depth = 0;
  let from = 1;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '{') depth += 1;
    if (char === '}') depth -= 1;
    if ((char === ',' && depth === 1) || depth === 0) {
      choices.push(text.slice(from, at));
      from = at + 1;
    }
    if (depth === 0) return choices.length > 1 ? { choices, length: at + 1 } : undefined;
  }
  return undefined;
};
