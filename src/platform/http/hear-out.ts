// Is an answer heard by somebody who is still sending? Where it ends the connection, what is on its way is heard out first, within limits.
import type { FastifyInstance } from 'fastify';

/** So much of a body is heard out, and for so long. Beyond that the connection ends at once, and the answer may be lost with it. */
const MOST_BYTES = 16_777_216;
const MOST_MS = 5_000;

/** Holds an answer that ends its connection back until the request's body has come, and throws that away.
 *  TRICKY: a socket that is closed with bytes unread resets the connection, and a sender that is reset drops what it was told: instead of
 *  a 413 it sees a broken connection, now and then. */
export function hearOut(fastify: FastifyInstance): void {
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const { raw } = request;
    const announced = Number(raw.headers['content-length'] ?? 0);
    const isCut = raw.complete || raw.destroyed || raw.isPaused();
    if (isCut || announced > MOST_BYTES || reply.getHeader('connection') !== 'close') return done(null, payload);
    let left = MOST_BYTES;
    const count = (chunk: Buffer): void => {
      left -= chunk.length;
      if (left < 0) answer();
    };
    const answer = (): void => {
      clearTimeout(late);
      raw.off('data', count).off('end', answer).off('close', answer);
      done(null, payload);
    };
    const late = setTimeout(answer, MOST_MS).unref();
    raw.on('data', count).once('end', answer).once('close', answer);
    raw.resume();
  });
}
