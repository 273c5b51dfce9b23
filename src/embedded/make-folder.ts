// How is a folder made together with those above it? For whoever is given a path by the configuration or a person.
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes a folder, and those above it that are not there. One that is there stays as it is.
 *  TRICKY: not `mkdirSync(…, { recursive: true })`. Where a file system takes no folders and says ENOENT, as /proc does, Node 20 tries
 *  for ever, with its loop stopped.
 *  @throws the system's error, with its code: ENOENT, EACCES, ENOTDIR… */
export function makeFolder(path: string, mode: number): void {
  if (isFolder(path)) return;
  const above = dirname(path);
  if (above !== path) makeFolder(above, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolder(path)) throw error;
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
