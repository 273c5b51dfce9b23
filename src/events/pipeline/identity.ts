// Who and which session is it? Hashes keyed by the project's secret, so that stored identifiers say nothing to anyone else.
import { hash } from 'node:crypto';
import type { Project } from '../../projects/projects.types';
import { HotCache } from './hot-cache';
import { flagBits } from './event-row';
import type { IngestStep } from './ingest.types';
import { filter } from './outcomes';
import { utcDay } from './time';

/** What an identifier stands for: visitor, user, session, or a visitor derived from address and user agent. The same text under
 *  another kind, or in another project, has another hash. */
export type IdentifierKind = 'v' | 'u' | 's' | 'd';

interface Keyed {
  readonly prefix: string;
  readonly serial: string;
}

let serials = 0;
const keyedBySecret = new WeakMap<Buffer, Keyed>();
// Twice 20,000 answers: some 12 MB, 50 MB with the longest user agents in the keys of derived visitors.
const hot = new HotCache<string>(20_000);

const keyedBy = (secret: Buffer): Keyed => {
  let keyed = keyedBySecret.get(secret);
  if (keyed === undefined) {
    keyed = { prefix: secret.toString('hex'), serial: `${++serials}` };
    keyedBySecret.set(secret, keyed);
  }
  return keyed;
};

/** SHA-256 of secret, kind and text, its first 64 bits: a sound MAC at a third of an HMAC's cost, because 192 of the digest's bits stay
 *  hidden and so nobody can extend it, and because secret and kind end where the text begins. 0 stands for "none" and is never an answer. */
const digest = (prefix: string, kind: IdentifierKind, text: string): string => {
  const hex = hash('sha256', `${prefix}${kind}\0${text}`, 'hex').slice(0, 16);
  return hex === '0000000000000000' ? '0000000000000001' : hex;
};

/** The hash under which an identifier is stored, as 16 lower-case hex digits: what look-ups by `visitorId`, `userId` and `sessionId` need. */
export const hashIdentifier = (project: Pick<Project, 'secret'>, kind: IdentifierKind, text: string): string =>
  digest(keyedBy(project.secret).prefix, kind, text);

/** A hash's 16 hex digits as the decimal text of its UInt64. */
export const hexToUInt64 = (hex: string): string => BigInt(`0x${hex}`).toString();

/** The decimal text of a UInt64 as 16 hex digits. */
export const uint64ToHex = (decimal: string): string => BigInt(decimal).toString(16).padStart(16, '0');

const column = ({ secret }: Project, kind: IdentifierKind, text: string): string => {
  const { prefix, serial } = keyedBy(secret);
  const key = `${serial}${kind}${text}`;
  const known = hot.get(key);
  if (known !== undefined) return known;
  const value = hexToUInt64(digest(prefix, kind, text));
  hot.set(key, value);
  return value;
};

/** Hashes the event's identifiers. An event with a `userId` alone belongs to a visitor of its own that has the user's hash. An event
 *  with neither belongs to a visitor derived from address and user agent, for one UTC day of its time.
 *  TRICKY: where that day's salt is forgotten, today's is taken: the visitor still lasts one day, but a retry tomorrow gets another. */
export const deriveVisitor: IngestStep = (draft, { project, saltOf, receivedAt }) => {
  const { row, input } = draft;
  const { visitorId, userId, sessionId } = input;
  if (userId !== undefined) row.user_id = column(project, 'u', userId);
  if (sessionId !== undefined) row.session_id = column(project, 's', sessionId);
  if (visitorId !== undefined) {
    row.visitor_id = column(project, 'v', visitorId);
  } else if (userId !== undefined) {
    row.visitor_id = row.user_id;
  } else {
    const day = utcDay(row.ts);
    const salt = (saltOf(day) ?? saltOf(utcDay(receivedAt)))?.toString('base64') ?? '';
    row.visitor_id = column(project, 'd', `${day}\0${salt}\0${draft.address}\0${draft.userAgent}`);
    row.flags |= flagBits.derivedVisitor;
    draft.keyStable = false;
  }
  return undefined;
};

/** Drops events of erased visitors that happened, or were sent, before the erasure.
 *  TRICKY: a batch that comes again has its times corrected by how late it comes; when it was sent is what it said the first time. */
export const dropErased: IngestStep = ({ row }, { erasedAt, sentAt }) => {
  if (erasedAt === undefined) return undefined;
  const at = Math.max(erasedAt(row.visitor_id) ?? -Infinity, erasedAt(row.user_id) ?? -Infinity);
  return row.ts <= at || (sentAt !== undefined && sentAt <= at) ? filter('erased_visitor') : undefined;
};
