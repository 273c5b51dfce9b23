// How is an answer that holds a key's text kept, so that a copy of the database does not give it away?
// Sealed with a key that follows from the text of the API key of the request; of that the database knows only the SHA-256.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const PURPOSE = 'millrace idempotent answer v1';

const keyFrom = (secret: string, salt: Buffer): Buffer => Buffer.from(hkdfSync('sha256', secret, salt, PURPOSE, 32));

/** Seals bytes: salt, nonce, tag, cipher text. */
export function seal(plain: Buffer, secret: string): Buffer {
  const salt = randomBytes(SALT_BYTES);
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, keyFrom(secret, salt), iv);
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([salt, iv, cipher.getAuthTag(), sealed]);
}

/** Opens what `seal` made; undefined where the secret is another, or a byte was changed. */
export function unseal(sealed: Buffer, secret: string): Buffer | undefined {
  const salt = sealed.subarray(0, SALT_BYTES);
  const iv = sealed.subarray(SALT_BYTES, SALT_BYTES + IV_BYTES);
  const tag = sealed.subarray(SALT_BYTES + IV_BYTES, SALT_BYTES + IV_BYTES + TAG_BYTES);
  try {
    const decipher = createDecipheriv(ALGORITHM, keyFrom(secret, salt), iv, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(tag);
    return Buffer.concat([decipher.update(sealed.subarray(SALT_BYTES + IV_BYTES + TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}
