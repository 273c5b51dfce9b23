// How does a receiver know that a webhook is ours, and new? By an HMAC over the time and the body, with a secret that both know. Pure.
import { createHmac, hkdfSync, randomBytes } from 'node:crypto';

const PURPOSE = 'millrace webhook secret v1';
const SALT_BYTES = 16;
const SECRET_BYTES = 24;

/** What a new secret is made from. */
export const newSalt = (): Buffer => randomBytes(SALT_BYTES);

/** The secret of an alert, `whsec_…`. It follows from the project's own secret and is kept nowhere, so that no row of an alert gives it away.
 *  All of the text, prefix included, is the key. */
export const secretOf = (projectSecret: Buffer, salt: Buffer): string =>
  `whsec_${Buffer.from(hkdfSync('sha256', projectSecret, salt, PURPOSE, SECRET_BYTES)).toString('base64url')}`;

/** The value of `Millrace-Signature`: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`. */
export const signatureOf = (body: string, secret: string, atMs: number): string => {
  const seconds = Math.floor(atMs / 1_000);
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
};
