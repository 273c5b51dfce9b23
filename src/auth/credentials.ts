// Which key did the request bring? Read from its headers, or, for a page's beacon that can send none, from the address.
import type { FastifyRequest } from 'fastify';
import { isUtf8 } from 'node:buffer';
import { unauthorized } from '../common/problem';
import { kindOfKeyText } from './key-format';

/** Parameter of the address that may carry a `pub` key, on routes for browsers. */
export const KEY_PARAMETER = 'key';

const CHALLENGE = { 'WWW-Authenticate': 'Bearer realm="millrace"' };

/** The answer to a request without a key that works. The same for each reason: which one is nobody's business. */
export const refused = (detail: string) => unauthorized({ detail, headers: CHALLENGE });

/** The text of the key that a request brings; undefined where it brings none.
 *  @param fromBrowser whether the route takes `?key=` of a `pub` key
 *  @throws unauthorized where two different ones are brought */
export function presentedKey(request: FastifyRequest, fromBrowser: boolean): string | undefined {
  const { 'x-api-key': header, authorization } = request.headers;
  const apiKey = Array.isArray(header) ? asMeant(header.join()) : asMeant(header)?.trim();
  const bearer = /^Bearer +(\S+) *$/i.exec(asMeant(authorization) ?? '')?.[1];
  const texts = [apiKey, bearer].filter((text) => text !== undefined && text !== '');
  if (texts.length === 2 && texts[0] !== texts[1])
    throw refused('X-API-Key and Authorization bring two different keys; send one.');
  return texts[0] ?? (fromBrowser ? keyInAddress(request) : undefined);
}

/** A header's text: Node reads its bytes as Latin-1, and most clients send UTF-8. A root key of one's own choice may hold any letters. */
function asMeant(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : text;
}

/** TRICKY: `navigator.sendBeacon` can set no header. Only a `pub` key may stand in an address, as addresses end up in logs. */
function keyInAddress(request: FastifyRequest): string | undefined {
  const text = (request.query as Record<string, unknown> | null)?.[KEY_PARAMETER];
  return typeof text === 'string' && kindOfKeyText(text) === 'pub' ? text : undefined;
}
