// What did the client send? The body, decoded, as a stream that can be looked into before it is passed on.
import type { IncomingMessage } from 'node:http';
import { createGunzip, createInflate } from 'node:zlib';
import { fail } from './errors';

/** A body that is read once, in order. */
export class Body {
  private readonly chunks: AsyncIterator<Buffer>;
  private ended = false;
  private ahead: Buffer | undefined;

  constructor(source: AsyncIterable<Buffer>) {
    this.chunks = source[Symbol.asyncIterator]();
  }

  /** The next piece. @returns undefined at the end
   *  @throws where the client broke off, or its compression is damaged */
  async next(): Promise<Buffer | undefined> {
    const ahead = this.ahead;
    this.ahead = undefined;
    if (ahead !== undefined || this.ended) return ahead;
    const { value, done } = await this.chunks.next();
    if (done !== true) return value;
    this.ended = true;
    return undefined;
  }

  /** Whether nothing is left. */
  async atEnd(): Promise<boolean> {
    this.ahead ??= await this.next();
    return this.ahead === undefined;
  }

  /** Reads until the end or until at least `bytes` are there. */
  async upTo(bytes: number, already: Buffer = Buffer.alloc(0)): Promise<Buffer> {
    const parts = already.length === 0 ? [] : [already];
    let size = already.length;
    while (size < bytes) {
      const part = await this.next();
      if (part === undefined) break;
      parts.push(part);
      size += part.length;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  /** The whole rest. @throws ServerError 307 past `most` bytes */
  async whole(most: number, already?: Buffer): Promise<Buffer> {
    const all = await this.upTo(most + 1, already);
    if (all.length > most) throw fail(307, `The query is longer than ${most} bytes.`);
    return all;
  }
}

/** The body of a request, decompressed as its Content-Encoding says.
 *  @throws ServerError 48 for another encoding than gzip and deflate */
export function bodyOf(request: IncomingMessage): Body {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return new Body(request);
  if (encoding !== 'gzip' && encoding !== 'deflate') throw fail(48, 'Content-Encoding must be gzip or deflate.', 415);
  const inflate = encoding === 'gzip' ? createGunzip() : createInflate();
  // A client that breaks off must reach the reader as an error, not as the end of the data.
  request.on('error', (error) => inflate.destroy(error));
  request.on('aborted', () => inflate.destroy(new Error('aborted')));
  return new Body(reportingDamage(request.pipe(inflate)));
}

async function* reportingDamage(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* source;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_') === true)
      throw fail(354, 'The compressed body is damaged.', 400);
    throw error;
  }
}
