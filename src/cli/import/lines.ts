// How is a log file read, however large and whether packed or not? As a stream of lines, with the place in the file beside them.
import { type ReadStream, createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';

/** Lines as they are read. */
export interface LogFile {
  /** Size on disk, for progress. */
  readonly sizeBytes: number;
  /** Bytes of the file that were read so far. */
  bytesRead(): number;
  /** Every line without its line break; undefined stands for one that is too long to be a log line.
   *  @throws what the file system or the unpacking says, in the middle of the lines too */
  lines(): AsyncGenerator<string | undefined>;
}

/** Servers cap request lines and headers at 8 KB each; escaped as `\xHH` that is four times as long. */
export const MAX_LINE_LENGTH = 131_072;
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/** Opens a file of lines; one that begins as gzip does is unpacked, whatever it is called.
 *  @throws if it can't be read */
export async function openLogFile(path: string): Promise<LogFile> {
  const { size } = await stat(path);
  const packed = await beginsWith(path, GZIP_MAGIC);
  let file: ReadStream | undefined;
  return {
    sizeBytes: size,
    bytesRead: () => file?.bytesRead ?? 0,
    async *lines() {
      const source = createReadStream(path, { highWaterMark: 262_144 });
      file = source;
      const chunks = packed ? source.pipe(createGunzip()) : source;
      // `pipe` does not hand errors on: a failing file must not leave the unpacking waiting.
      if (packed) source.once('error', (error) => chunks.destroy(error));
      try {
        yield* splitLines(chunks);
      } finally {
        chunks.destroy();
        source.destroy();
      }
    },
  };
}

/** Cuts chunks into lines at `\n` or `\r\n`. Bytes that are not UTF-8 become U+FFFD; empty lines are left out.
 *  @returns lines; undefined for each that is longer than MAX_LINE_LENGTH, which is never held as a whole */
export async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string | undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  let overlong = false;
  const finished = (line: string): string | undefined => {
    const tooLong = overlong || line.length > MAX_LINE_LENGTH;
    overlong = false;
    return tooLong ? undefined : line.replace(/\r$/, '');
  };
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const line = finished(part);
      if (line !== '') yield line;
    }
    if (rest.length > MAX_LINE_LENGTH) {
      overlong = true;
      rest = '';
    }
  }
  const last = finished(rest + decoder.decode());
  if (last !== '') yield last;
}

async function beginsWith(path: string, magic: Buffer): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(magic.length), 0, magic.length, 0);
    return bytesRead === magic.length && buffer.equals(magic);
  } finally {
    await file.close();
  }
}
