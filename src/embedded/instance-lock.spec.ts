// Is a folder that cannot be locked refused in a line that says what to change?
import { existsSync } from 'node:fs';
import { lockInstance } from './instance-lock';

// Nothing can be made there, by root neither.
const closed = '/proc/self';
const onLinux = existsSync(closed) ? it : it.skip;

onLinux('a folder in which nothing can be made is refused with the variable to change', async () => {
  await expect(lockInstance(closed)).rejects.toThrow(
    /^Can't lock the data directory with \S+ \(E\w+\): make it writable, or choose another DATA_DIR\.$/,
  );
});
