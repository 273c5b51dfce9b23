// Did a streamed result come to its end? ClickHouse tells an error in the middle of one as a block of text in it: here it becomes an error.
import { Transform, type TransformCallback } from 'node:stream';
import { ClickHouseFault } from './faults';

const CODE = /Code: (\d+)\. DB::Exception/;

/** Passes a result on, and fails where the engine's error block begins: the block quotes values and must reach no client.
 *  The last bytes are held back until it is known that they do not begin a block.
 *  @param tag of the answer's `X-ClickHouse-Exception-Tag`: random, so that no value of a row can look like a block */
export class ResultGuard extends Transform {
  readonly #marker: Buffer;
  #held: Buffer = Buffer.alloc(0);

  constructor(tag: string) {
    super();
    this.#marker = Buffer.from(`\r\n__exception__\r\n${tag}`);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const at = bytes.indexOf(this.#marker);
    if (at !== -1) {
      const code = CODE.exec(bytes.toString('utf8', at))?.[1];
      done(new ClickHouseFault('away', code === undefined ? undefined : Number(code), 'RESULT_CUT_SHORT'));
      return;
    }
    const sure = this.#sureLength(bytes);
    this.#held = bytes.subarray(sure);
    done(null, bytes.subarray(0, sure));
  }

  override _flush(done: TransformCallback): void {
    done(null, this.#held);
  }

  /** Bytes before the first place near the end where a block may have begun. */
  #sureLength(bytes: Buffer): number {
    const from = Math.max(0, bytes.length - this.#marker.length + 1);
    for (let at = bytes.indexOf(0x0d, from); at !== -1; at = bytes.indexOf(0x0d, at + 1))
      if (bytes.compare(this.#marker, 0, bytes.length - at, at) === 0) return at;
    return bytes.length;
  }
}
