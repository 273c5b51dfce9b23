// Is this text a URL, and which parts has it?

/** The URL that a text is; undefined where it is none.
 *  TRICKY: never `URL.canParse`: on Node 20, once it is hot, it reads Latin-1 text as UTF-8 and refuses `https://bücher.example/`. */
export const parseUrl = (text: string): URL | undefined => {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
};
