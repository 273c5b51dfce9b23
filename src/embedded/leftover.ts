// Does a Postgres of this data directory still run from before? One that outlived its server has to end before the next one starts.
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Fatal } from './fatal';

/** Whether a process exists, ours or not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The process id in `postmaster.pid`, if there is one. */
export function postmasterPid(dataDirectory: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8').split('\n')[0]);
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a process is a Postgres of this data directory, and not another one that was given the same id later. */
function isPostgresOf(pid: number, dataDirectory: string): boolean {
  try {
    if (process.platform === 'linux') return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dataDirectory);
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).includes(
      dataDirectory,
    );
  } catch {
    return false;
  }
}

/** Ends a Postgres that still runs on this data directory: fast, then at once, then by force. All are safe for the data.
 *  Only for the holder of the data directory's lock: nobody else can be using it then.
 *  @throws Fatal where it does not end */
export async function endLeftover(dataDirectory: string, log: Logger): Promise<void> {
  const pid = postmasterPid(dataDirectory);
  if (pid === undefined || !isAlive(pid)) return;
  if (!isPostgresOf(pid, dataDirectory)) {
    // TRICKY: a restarted container gives the same ids to other processes; Postgres would take such a one for a postmaster.
    rmSync(join(dataDirectory, 'postmaster.pid'), { force: true });
    return;
  }
  log.warn({ pid }, 'ending a Postgres that an earlier run left behind');
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has just ended, or it is not ours to end; the wait below tells.
    }
    for (let waited = 0; waited < 5_000; waited += 20) {
      if (!isAlive(pid)) return;
      await sleep(20);
    }
  }
  throw new Fatal(`A Postgres of an earlier run (pid ${pid}) still uses ${dataDirectory} and does not end.`);
}
