// Does a store of this data directory still run from before? One that outlived its server has to end before the next one starts.
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Fatal } from './fatal';

/** Whether a process runs, ours or not. One that has ended and that nobody has asked about yet does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) [ZX] [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether a process works in this folder, and is not another one that was given the same id later: both stores are started in
 *  their own data directories. */
export function worksIn(pid: number, folder: string): boolean {
  try {
    if (process.platform === 'linux') return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(folder);
    return execFileSync('lsof', ['-a', '-p', String(pid), '-d', 'cwd', '-Fn'], { encoding: 'utf8' }).includes(
      `n${realpathSync(folder)}\n`,
    );
  } catch {
    return false;
  }
}

/** A store that may have outlived its server. */
export interface Leftover {
  readonly name: string;
  readonly pid: number | undefined;
  readonly folder: string;
  /** From the politest on; the data survives each. */
  readonly signals: readonly { signal: NodeJS.Signals; waitMs: number }[];
}

/** Ends a store that still runs from before. Only for the holder of the data directory's lock: nobody else can be using it then.
 *  @returns whether the id belongs to a process that is something else now
 *  @throws Fatal where it does not end */
export async function endLeftover({ name, pid, folder, signals }: Leftover, log: Logger): Promise<boolean> {
  if (pid === undefined || !isAlive(pid)) return false;
  if (!worksIn(pid, folder)) return isAlive(pid);
  log.warn({ store: name, pid }, 'ending a store that an earlier run left behind');
  for (const { signal, waitMs } of signals) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has just ended, or it is not ours to end; the wait below tells.
    }
    for (let waited = 0; waited < waitMs; waited += 20) {
      if (!isAlive(pid) || !worksIn(pid, folder)) return false;
      await sleep(20);
    }
  }
  throw new Fatal(`A ${name} of an earlier run (pid ${pid}) still uses ${folder} and does not end.`);
}
