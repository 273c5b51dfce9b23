// Which paths does a glob mean? `*`, `**`, `?` and `{a,b}` as a pattern that RE2 takes, so that the warehouse can match it. Pure.

/** Longest glob that is taken. */
export const MAX_GLOB = 500;

/** The pattern of a glob, anchored at both ends. `*` is any text within a part of the path, `?` one character of it, `**` any number of
 *  parts, none included (`/blog/**` is also `/blog`), `{a,b}` one of several; all else means itself. */
export const globPattern = (glob: string): string => {
  let pattern = '';
  let depth = 0;
  for (let at = 0; at < glob.length; at += 1) {
    const char = glob[at] ?? '';
    const rest = glob.slice(at);
    if (rest === '/**') {
      pattern += '(?:/.*)?';
      at += 2;
    } else if (rest.startsWith('/**/')) {
      pattern += '/(?:.*/)?';
      at += 3;
    } else if (rest.startsWith('**')) {
      pattern += '.*';
      at += 1;
    } else if (char === '*') pattern += '[^/]*';
    else if (char === '?') pattern += '[^/]';
    else if (char === '{' && rest.includes('}')) {
      pattern += '(?:';
      depth += 1;
    } else if (char === '}' && depth > 0) {
      pattern += ')';
      depth -= 1;
    } else if (char === ',' && depth > 0) pattern += '|';
    else pattern += char.replace(/[\\^$.*+?()[\]{}|]/, '\\$&');
  }
  // A brace that was never closed means itself.
  return depth === 0 ? `(?s)^${pattern}$` : `(?s)^${escaped(glob)}$`;
};

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
