/// <reference lib="es2024.string" />
// Which texts can be kept as they are? Every column is UTF-8, and a text must read back as it was sent.

/** Whether a text has at most `max` Unicode code points; an emoji is one, where UTF-16 counts two. */
export const hasAtMost = (text: string, max: number): boolean => {
  if (text.length <= max) return true;
  if (text.length > 2 * max) return false;
  let points = text.length;
  for (let at = 0; at < text.length - 1; at++) {
    const isPair = (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
    if (isPair) points--;
  }
  return points <= max;
};

/** The beginning of a text, at most `max` UTF-16 units long; a well-formed text stays well formed.
 *  TRICKY: a plain `slice` may end inside an emoji and leave a lone surrogate. */
export const cutText = (text: string, max: number): string => {
  if (text.length <= max) return text;
  const endsInsidePair = (text.charCodeAt(max - 1) & 0xfc00) === 0xd800;
  return text.slice(0, endsInsidePair ? max - 1 : max);
};

/** A text from outside the checked event (a header, a database): cut, and made clean instead of refused. */
export const tidyText = (text: string, max: number): string => cutText(text, max).toWellFormed().replaceAll('\0', '');
