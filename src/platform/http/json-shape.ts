// How deep is a JSON text, and how much is in it? Told from its bytes before it is parsed, as a parser takes two seconds for ten megabytes of
// brackets, in which nobody else is served; this takes as many hundredths.

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** A list or an object in a text. */
export interface JsonShape {
  /** Index behind its last bracket; the end of the text where there is none. */
  readonly end: number;
  /** Levels of lists and objects. */
  readonly depth: number;
  /** Commas and brackets that open: no fewer than the values in it, and at most twice as many and one. */
  readonly marks: number;
}

/** Measures the first list or object in a text from an index on. Whether it is JSON at all is the parser's to say. */
export function measureJson(body: Buffer, from = 0): JsonShape {
  let open = 0;
  let depth = 0;
  let marks = 0;
  for (let at = from; at < body.length; at += 1) {
    switch (body[at]) {
      case QUOTE:
        at = endOfText(body, at);
        break;
      case COMMA:
        marks += 1;
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        marks += 1;
        open += 1;
        if (open > depth) depth = open;
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        open -= 1;
        if (open <= 0) return { end: at + 1, depth, marks };
        break;
      default:
    }
  }
  return { end: body.length, depth, marks };
}

/** What stands on the upper levels of a text. */
export interface JsonVisitor {
  /** A list or an object begins below `levels`. @returns its end, where the walk goes on */
  readonly below: (at: number) => number;
  /** A comma between values of a level, 1 being the outermost; `inList` says what has them. */
  readonly comma: (level: number, inList: boolean) => void;
}

/** Walks through the upper levels of a text. What it makes of a text that is no JSON, a parser has to find. */
export function walkJson(body: Buffer, levels: number, visit: JsonVisitor): void {
  let level = 0;
  /** Whether a level is a list. */
  const lists: boolean[] = [];
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    switch (byte) {
      case QUOTE:
        at = endOfText(body, at);
        break;
      case COMMA:
        visit.comma(level, lists[level] ?? false);
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        if (level === levels) at = visit.below(at) - 1;
        else {
          level += 1;
          lists[level] = byte === OPEN_LIST;
        }
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        level -= 1;
        break;
      default:
    }
  }
}

/** Index of the quote that ends the text which begins with the quote at an index. */
function endOfText(body: Buffer, from: number): number {
  for (let at = from + 1; at < body.length; at += 1) {
    const byte = body[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at += 1;
  }
  return body.length;
}
