// Where does a socket of a data directory lie? In it, or, where its path is too long for one, in the folder for temporary files.
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Longest path that a unix socket takes everywhere (macOS: 104 bytes with the end mark). */
const LONGEST_PATH = 100;

/** A short name for a folder, the same in every process. */
export const nameOfFolder = (folder: string): string => createHash('sha256').update(folder).digest('hex').slice(0, 12);

/** Path of the socket with this name.
 *  @param folder absolute path of the data directory; @param name of the file, e.g. `lock` */
export const socketPath = (folder: string, name: string): string => {
  const path = join(folder, `${name}.sock`);
  if (Buffer.byteLength(path) <= LONGEST_PATH) return path;
  // TRICKY: the lock's name has no suffix, as it had none before there were other sockets; two versions must not pass each other.
  return join(tmpdir(), `millrace-${nameOfFolder(folder)}${name === 'lock' ? '' : `-${name}`}.sock`);
};
