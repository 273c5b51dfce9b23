// Is this text a key of ours? Decided from the text alone: a mistyped or cut one costs no look-up, and a scanner can tell a leaked one.
import { createHash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { KeyKind } from './auth.types';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 30 characters of 62 are 178 bits. */
const RANDOM_LENGTH = 30;
/** 62^6 is more than 2^32. */
const CHECK_LENGTH = 6;
const FORMAT = /^mr_(pub|sec|adm|root)_[0-9A-Za-z]{36}$/;

/** Characters of a key's start that are kept and shown: enough to tell kinds and keys apart, far too few to guess the rest. */
export const SHOWN_START = 12;
/** Characters of its end that are kept and shown. */
export const SHOWN_END = 4;

const toBase62 = (value: number): string => {
  let text = '';
  for (let rest = value; rest > 0; rest = Math.floor(rest / 62)) text = (BASE62[rest % 62] ?? '') + text;
  return text.padStart(CHECK_LENGTH, '0');
};

/** Makes the text of a new key: `mr_<kind>_<30 random><6 check>`. */
export function newKeyText(kind: KeyKind): string {
  let body = `mr_${kind}_`;
  for (let count = 0; count < RANDOM_LENGTH; count += 1) body += BASE62[randomInt(62)];
  return body + toBase62(crc32(body));
}

/** The kind that a text claims, where its form and its check are right; else undefined. Says nothing about whether the key exists. */
export function kindOfKeyText(text: string): KeyKind | undefined {
  const kind = FORMAT.exec(text)?.[1] as KeyKind | undefined;
  if (kind === undefined) return undefined;
  const body = text.slice(0, -CHECK_LENGTH);
  return toBase62(crc32(body)) === text.slice(-CHECK_LENGTH) ? kind : undefined;
}

/** SHA-256 of a key's text: all that is kept to recognise it. The text's 178 random bits need no slow hash. */
export const hashOfKeyText = (text: string): Buffer => createHash('sha256').update(text).digest();
