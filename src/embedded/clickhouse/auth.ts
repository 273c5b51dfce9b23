// May this caller be served? One user and one password, compared in constant time.
import { createHash, timingSafeEqual } from 'node:crypto';
import { fail } from './errors';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const same = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

/** Who may ask. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Lets the right caller pass. @throws ServerError 194 without credentials, 516 with wrong ones */
export function authenticate(
  wanted: Credentials,
  given: { readonly user: string | undefined; readonly password: string | undefined },
): void {
  const right = same(wanted.user, given.user ?? 'default');
  if (same(wanted.password, given.password ?? '') && right) return;
  if (given.password === undefined) throw fail(194, 'Password required.');
  throw fail(516, 'Authentication failed: password is incorrect, or there is no user with such name.');
}
