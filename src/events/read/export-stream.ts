// How does a stream of rows become the body of an answer? Line by line, compressed where the client can read it, and never faster than it reads.
import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream';
import { createGzip } from 'node:zlib';

const NEWLINE = 0x0a;

/** Rewrites lines of JSON, one object a line. It waits for its reader, so memory holds one piece and not the result.
 *  @param map the object of a line to the object of the line that comes out
 *  @throws (as the stream's error) where a line is no JSON: what is cut short must not look complete */
export class JsonLines<R> extends Transform {
  #rest: Buffer[] = [];

  readonly #map: (row: R) => unknown;

  constructor(map: (row: R) => unknown) {
    super();
    this.#map = map;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const end = chunk.lastIndexOf(NEWLINE);
    if (end === -1) {
      this.#rest.push(chunk);
      done();
      return;
    }
    const whole = Buffer.concat([...this.#rest, chunk.subarray(0, end)]);
    this.#rest = [chunk.subarray(end + 1)];
    this.#push(whole, done);
  }

  override _flush(done: TransformCallback): void {
    this.#push(Buffer.concat(this.#rest), done);
  }

  #push(lines: Buffer, done: TransformCallback): void {
    try {
      let out = '';
      for (const line of lines.toString('utf8').split('\n'))
        if (line !== '') out += `${JSON.stringify(this.#map(JSON.parse(line) as R))}\n`;
      done(null, out === '' ? undefined : out);
    } catch (error) {
      done(error as Error);
    }
  }
}

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

/** Joins the steps of an export. Whichever end breaks ends the other: a client that goes away stops the query, and a query
 *  that fails destroys the answer, so that half a file is never taken for a whole one. */
export const exportBody = (source: Readable, steps: readonly Transform[], gzip: boolean): Readable => {
  // Level 1: an export is bound by the processor, and rows of events compress well at any level.
  const all = gzip ? [...steps, createGzip({ level: 1 })] : steps;
  const last = all.at(-1);
  if (last === undefined) return source;
  // The error reaches the reader of `last`, which is destroyed with it; here is nothing left to do.
  pipeline([source, ...all], () => undefined);
  return last;
};
