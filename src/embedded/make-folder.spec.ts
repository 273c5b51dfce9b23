// Is a folder made with those above it, and left alone where it is there?
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from './make-folder';

describe('a folder', () => {
  let base: string;
  beforeEach(() => (base = mkdtempSync(join(tmpdir(), 'millrace-test-'))));
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  it('is made with those above it, by its mode, and left alone where it is there', () => {
    const folder = join(base, 'a', 'b', 'c');
    makeFolder(folder, 0o700);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    makeFolder(folder, 0o711);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it('is not made where a file is, or below one', () => {
    const file = join(base, 'file');
    writeFileSync(file, '');
    expect(() => makeFolder(file, 0o700)).toThrow(expect.objectContaining({ code: 'EEXIST' }) as Error);
    expect(() => makeFolder(join(file, 'a', 'b'), 0o700)).toThrow(
      expect.objectContaining({ code: 'ENOTDIR' }) as Error,
    );
  });
});
