// Which paths does a glob mean? `*`, `**`, `?` and `{a,b}` as a pattern that RE2 takes, so that the warehouse can match it. Pure.

/** Longest glob that is taken. */
export const MAX_GLOB = 500;

/** The pattern of a glob, anchored at both ends. `*` is any text within a part of the path, `?` one character of it, `**` any number of
 *  parts, none included (`/blog/**` is also `/blog`), `{a,b}` one of several; all else means itself, braces that are not closed or hold
 *  no choice too. */
export const globPattern = (glob: string): string => `(?s)^${part(glob, '')}$`;

/** @param then what follows this part of the glob: one of several ends as the whole does, if nothing follows */
const part = (glob: string, then: string): string => {
  let pattern = '';
  for (let at = 0; at < glob.length;) {
    const rest = glob.slice(at);
    const chosen = choicesOf(rest);
    // Parts that may be missing take the slash before them along: `/a/**` is `/a` too. Several in a row are as one.
    const parts = /^(?:\/\*\*)+(?=\/|$)/.exec(rest)?.[0];
    if (parts !== undefined && (parts.length < rest.length || then === '' || then.startsWith('/'))) {
      pattern += '(?:/.*)?';
      at += parts.length;
    } else if (chosen !== undefined) {
      const after = glob.slice(at + chosen.length) + then;
      pattern += `(?:${chosen.choices.map((choice) => part(choice, after)).join('|')})`;
      at += chosen.length;
    } else if (rest.startsWith('**')) {
      pattern += '.*';
      at += 2;
    } else {
      const char = glob[at] ?? '';
      pattern += char === '*' ? '[^/]*' : char === '?' ? '[^/]' : char.replace(/[\\^$.*+?()[\]{}|]/, '\\$&');
      at += 1;
    }
  }
  return pattern;
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
