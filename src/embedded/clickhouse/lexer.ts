// Which words, strings and comments does a statement have? As ClickHouse's lexer cuts it, so that nothing hides in a string.

export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'mark';
  readonly start: number;
  readonly end: number;
  /** Open brackets round it. */
  readonly depth: number;
}

// Bytes of other alphabets count as blanks: ClickHouse has blanks among them, and no unquoted name contains one.
const SPACE = /[\s\0\x80-\xff]/;
const WORD = /[A-Za-z0-9_$]/;

/** End of a text in quotes that began before `from`: a quote is meant by a backslash or by its doubling. */
function endOfQuoted(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return at + 1;
      at += 1;
    }
  }
  return text.length;
}

const endAt = (text: string, needle: string, from: number): number => {
  const found = text.indexOf(needle, from);
  return found < 0 ? text.length : found + needle.length;
};

/** `$tag$`, which opens a text that ends with the same. */
function heredocAt(text: string, at: number): string | undefined {
  const tag = /\$\w*\$/y;
  tag.lastIndex = at;
  return tag.exec(text)?.[0];
}

/** Comments with /* nest. */
function endOfComment(text: string, from: number): number {
  let level = 1;
  for (let at = from; at < text.length; at += 1) {
    if (text.startsWith('/*', at)) {
      level += 1;
      at += 1;
    } else if (text.startsWith('*/', at)) {
      level -= 1;
      at += 1;
      if (level === 0) return at + 1;
    }
  }
  return text.length;
}

/** Tokens of a statement, one by one, so that a reader may stop where an INSERT's data begin.
 *  @param text bytes as Latin-1, one character a byte: positions are those of the bytes */
export function* tokens(text: string): Generator<Token> {
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    const two = text.slice(at, at + 2);
    if (two === '--' || two === '//' || two === '#!' || two === '# ') {
      at = endAt(text, '\n', at);
    } else if (two === '/*') {
      at = endOfComment(text, at + 2);
    } else if (char === "'" || char === '"' || char === '`') {
      const end = endOfQuoted(text, at + 1, char);
      yield { kind: char === "'" ? 'string' : 'quoted', start: at, end, depth };
      at = end;
    } else if (text.startsWith('\xe2\x80\x98', at)) {
      // Typographic quotes are quotes to ClickHouse.
      const end = endAt(text, '\xe2\x80\x99', at + 3);
      yield { kind: 'string', start: at, end, depth };
      at = end;
    } else if (text.startsWith('\xe2\x80\x9c', at)) {
      const end = endAt(text, '\xe2\x80\x9d', at + 3);
      yield { kind: 'quoted', start: at, end, depth };
      at = end;
    } else if (char === '$' && heredocAt(text, at) !== undefined) {
      const tag = heredocAt(text, at)!;
      const end = endAt(text, tag, at + tag.length);
      yield { kind: 'string', start: at, end, depth };
      at = end;
    } else if (WORD.test(char)) {
      let end = at + 1;
      while (end < text.length && WORD.test(text[end]!)) end += 1;
      yield { kind: 'word', start: at, end, depth };
      at = end;
    } else if (SPACE.test(char)) {
      at += 1;
    } else {
      if (char === ')' || char === ']' || char === '}') depth -= 1;
      yield { kind: 'mark', start: at, end: at + 1, depth };
      if (char === '(' || char === '[' || char === '{') depth += 1;
      at += 1;
    }
  }
}
