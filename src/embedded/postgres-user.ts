// As whom does Postgres run? It refuses to run as root, so root lends it a system user that has to reach everything it needs.
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { Fatal } from './fatal';

/** A user to run a program as. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

const NAME = 'postgres';

/** Whether this process is root, who has to run Postgres as somebody else. */
export const isRoot = (): boolean => process.getuid?.() === 0;

const lookUp = (): RunAs | undefined => {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${NAME}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
};

/** The user of a data directory: whom it belongs to already, else the system user `postgres`, made where there is none.
 *  @returns undefined where this process is not root and runs Postgres itself
 *  @throws Fatal where the user can't be made */
export async function postgresUser(dataDirectory: string): Promise<RunAs | undefined> {
  if (!isRoot()) return undefined;
  const owner = statSync(dataDirectory, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const known = lookUp();
  if (known !== undefined) return known;
  try {
    await promisify(execFile)('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/bin/sh', NAME]);
  } catch (cause) {
    // Another instance may have made it at the same moment.
    const made = lookUp();
    if (made !== undefined) return made;
    throw new Fatal(
      `Postgres does not run as root, and the system user "${NAME}" can't be made: start as another user, or set DATABASE_URL.`,
      { cause },
    );
  }
  const made = lookUp();
  if (made === undefined)
    throw new Fatal(`The system user "${NAME}" was made but is not in /etc/passwd; set DATABASE_URL.`);
  return made;
}

/** Whether a user can walk to a folder and into it. Asked of the system itself, so that access lists count too. */
export const canReach = (user: RunAs, folder: string): boolean =>
  spawnSync('/bin/sh', ['-c', 'cd -- "$0"', folder], { uid: user.uid, gid: user.gid, cwd: '/', stdio: 'ignore' })
    .status === 0;
