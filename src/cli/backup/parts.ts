// How do rows become files of a backup, and how is it known later that these are still the same? Compressed, on disk, with a checksum.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { CommandFailed } from '../command';
import type { Part } from './manifest';

/** Writes rows into a file of the backup.
 *  @param rows called when they were read to the end: how many there were
 *  @returns what the manifest says of the file, which is on disk then; nothing, and no file, where there are no rows */
export async function writePart(
  folder: string,
  file: string,
  source: Readable,
  rows: () => number | null,
): Promise<Part[]> {
  const hash = createHash('sha256');
  let bytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const path = join(folder, file);
  const target = createWriteStream(path, { mode: 0o600, flags: 'wx', flush: true });
  const gzip = createGzip({ level: 1 });
  await pipeline(source, gzip, measure, target);
  if (gzip.bytesWritten > 0) return [{ file, rows: rows(), bytes, sha256: hash.digest('hex') }];
  await rm(path);
  return [];
}

/** The rows of a file, as they were. */
export function readPart(folder: string, { file }: Part): Readable {
  const compressed = createReadStream(join(folder, file));
  const rows = createGunzip();
  compressed.on('error', (error) => rows.destroy(error));
  return compressed.pipe(rows);
}

/** Compares a file with its checksum. @throws CommandFailed where it is missing, cut short or changed */
export async function checkPart(folder: string, { file, bytes, sha256 }: Part): Promise<void> {
  const hash = createHash('sha256');
  let read = 0;
  try {
    const stream = createReadStream(join(folder, file));
    stream.on('data', (chunk) => {
      hash.update(chunk);
      read += chunk.length;
    });
    await once(stream, 'end');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code;
    throw new CommandFailed(`the backup is damaged: ${file} can't be read (${why})`, { cause });
  }
  if (read !== bytes || hash.digest('hex') !== sha256)
    throw new CommandFailed(`the backup is damaged: ${file} is not what was written`);
}
