// Is an export compressed, and how does it end?
import { pipeline, type Readable } from 'node:stream';
import { createGzip } from 'node:zlib';

/** Whether a client reads gzip, by its `Accept-Encoding`: named, or `*`, with no weight of 0. */
export const acceptsGzip = (header: string | undefined): boolean => {
  const weights = new Map(
    (header ?? '').split(',').map((part): [string, number] => {
      const [coding = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
      return [coding, weight === undefined ? 1 : Number(weight)];
    }),
  );
  return (weights.get('gzip') ?? weights.get('*') ?? 0) > 0;
};

/** Compresses an export. Whichever end breaks ends the other: a client that goes away stops the query, and a query that
 *  fails destroys the answer, so that half a file is never taken for a whole one. */
export const gzipped = (source: Readable): Readable =>
  // Level 1: an export is bound by the processor, and rows of events compress well at any level.
  // An error reaches the reader of the last stream, which is destroyed with it; in the callback is nothing left to do.
  pipeline(source, createGzip({ level: 1 }), () => undefined);
