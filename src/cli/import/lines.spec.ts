// Are files read line by line, packed or not, however the bytes arrive?
import * as fc from 'fast-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { MAX_LINE_LENGTH, openLogFile, splitLines } from './lines';

const collect = async (lines: AsyncIterable<string | undefined>): Promise<(string | undefined)[]> => {
  const all: (string | undefined)[] = [];
  for await (const line of lines) all.push(line);
  return all;
};

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('lines', () => {
  it('come out whole, wherever the chunks are cut', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replace(/[\r\n\ufeff]/g, '·'))),
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom('\n', '\r\n'),
        async (lines, size, lineBreak) => {
          expect(await collect(splitLines(inChunks(Buffer.from(lines.join(lineBreak)), size)))).toEqual(lines);
        },
      ),
    ));

  it('that never end are reported once, and the next ones are read', async () => {
    const long = Buffer.from(`first\n${'x'.repeat(MAX_LINE_LENGTH * 3)}\nlast\n`);
    expect(await collect(splitLines(inChunks(long, 65_536)))).toEqual(['first', undefined, 'last']);
    expect(await collect(splitLines(inChunks(long, long.length)))).toEqual(['first', undefined, 'last']);
  });
});

describe('a log file', () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'log-file-'))));
  afterAll(() => rm(folder, { recursive: true }));

  const text = Array.from({ length: 5_000 }, (_, at) => `line ${at}`).join('\n');

  it.each([
    ['plain', Buffer.from(text)],
    ['packed, whatever its name says', gzipSync(text)],
    ['packed in two parts', Buffer.concat([gzipSync(text.slice(0, 1_000)), gzipSync(text.slice(1_000))])],
  ])('is read when it is %s', async (name, bytes) => {
    const path = join(folder, `${name}.log`);
    await writeFile(path, bytes);
    const file = await openLogFile(path);
    const lines = await collect(file.lines());
    expect([lines.length, lines.at(0), lines.at(-1)]).toEqual([5_000, 'line 0', 'line 4999']);
    expect([file.sizeBytes, file.bytesRead()]).toEqual([bytes.length, bytes.length]);
  });

  it('that is cut short fails, and does not end quietly', async () => {
    const path = join(folder, 'cut.gz');
    await writeFile(path, gzipSync(text).subarray(0, 2_000));
    const file = await openLogFile(path);
    await expect(collect(file.lines())).rejects.toThrow('unexpected end of file');
  });

  it('that is not there is said so', () =>
    expect(openLogFile(join(folder, 'missing.log'))).rejects.toThrow('no such file'));
});
