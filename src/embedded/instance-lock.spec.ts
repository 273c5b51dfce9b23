// Is a folder that cannot be locked refused in a line that says what to change?
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockInstance } from './instance-lock';

it('a folder in which nothing can be made is refused with the variable to change', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lock-'));
  // In a file nothing can be made, by root neither.
  const file = join(folder, 'file');
  writeFileSync(file, '');
  try {
    await expect(lockInstance(file)).rejects.toThrow(
      /^Can't lock the data directory with \S+ \(E\w+\): make it writable, or choose another DATA_DIR\.$/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
