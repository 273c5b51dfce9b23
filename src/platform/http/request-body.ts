// How are bodies read before a route sees them? Compression is undone under a limit; routes that ask for it get the bytes themselves.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isUtf8 } from 'node:buffer';
import { createGunzip, createInflate } from 'node:zlib';
import { unreadableBody, unsupportedMedia } from '../../common/problem';
import { refuseMisshapen, refuseMisshapenText } from './body-shape';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route reads its body's bytes itself: JSON, NDJSON or plain text, gzip or deflate, up to this many bytes after decoding. */
    rawBodyBytes?: number;
  }
}

/** Installs the parsers. Call it before routes are registered. */
export function installBodyParsers(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', (route) => {
    const limit = route.config?.rawBodyBytes;
    if (limit !== undefined) route.bodyLimit = limit;
  });

  fastify.addHook('preParsing', (request, _reply, payload, done) => {
    const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
    // Of a GET no body is read, so nothing is to be undone.
    if (encoding === 'identity' || request.method === 'GET' || request.method === 'HEAD') return done(null, payload);
    const limit = request.routeOptions.config.rawBodyBytes;
    // Never brotli or zstd: their decoders have had holes, and no client of ours needs them.
    if (limit === undefined || (encoding !== 'gzip' && encoding !== 'deflate'))
      return done(unsupportedMedia({ detail: 'Bodies may be gzip or deflate, where events are sent.' }));
    const decoder = encoding === 'gzip' ? createGunzip() : createInflate();
    const decoded = Object.assign(decoder, { receivedEncodedLength: 0 });
    let out = 0;
    payload.on('data', (chunk: Buffer) => (decoded.receivedEncodedLength += chunk.length));
    payload.on('error', (error) => decoder.destroy(error));
    // Fastify counts what comes out and answers 413; this is what stops the unpacking then, and its late errors have no listener left.
    decoder.on('error', () => payload.unpipe(decoder));
    decoder.on('data', (chunk: Buffer) => {
      out += chunk.length;
      if (out > limit) decoder.destroy();
    });
    decoder.pause();
    payload.pipe(decoder);
    return done(null, decoded);
  });

  const bytes = (request: FastifyRequest, body: Buffer, done: (error: Error | null, body?: unknown) => void): void => {
    if (request.routeOptions.config.rawBodyBytes === undefined) done(unsupportedMedia());
    else done(null, body);
  };
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeContentTypeParser(['application/json', 'text/plain']);
  fastify.addContentTypeParser(['application/x-ndjson', 'text/plain'], { parseAs: 'buffer' }, bytes);
  fastify.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (request: FastifyRequest, body: Buffer, done) => {
      if (request.routeOptions.config.rawBodyBytes !== undefined) return done(null, body);
      // Many clients name the type on every request, a DELETE too; what a route needs of its body its DTO says.
      if (body.length === 0) return done(null, undefined);
      // A lenient decoder would take U+FFFD for what the sender meant.
      if (!isUtf8(body)) return done(unreadableBody({ detail: 'The body is not UTF-8.' }));
      const misshapenText = faultOf(() => refuseMisshapenText(body));
      if (misshapenText !== null) return done(misshapenText);
      return parseJson(request, body.toString('utf8'), (error, value) => {
        // TRICKY: here, not in a pipe: what runs before pipes reads the body too.
        const misshapen = error === null ? faultOf(() => refuseMisshapen(value)) : error;
        done(misshapen, value);
      });
    },
  );
}

const faultOf = (work: () => void): Error | null => {
  try {
    work();
    return null;
  } catch (error) {
    return error as Error;
  }
};
