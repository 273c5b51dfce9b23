// What do a process and its children cost, and who are they? Read from /proc; where there is none, nobody knows.
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ, which Linux fixes at 100 towards programs. */
const TICK_US = 10_000;

/** @returns {{ pid: number, parent: number, ticks: number, command: string }[]} every process of the machine; none without /proc */
function all() {
  let names;
  try {
    names = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // The name in parentheses may hold anything, blanks and parentheses included.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      return [
        { pid: Number(name), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]), command },
      ];
    } catch {
      return [];
    }
  });
}

/** A process and all that descend from it. */
export function familyOf(pid) {
  const processes = all();
  const family = processes.filter((one) => one.pid === pid);
  for (let at = 0; at < family.length; at++) family.push(...processes.filter((one) => one.parent === family[at].pid));
  return family;
}

/** CPU that a process and its living children have used, microseconds; NaN where it can't be known. */
export const cpuOf = (pid) => {
  const family = familyOf(pid);
  return family.length === 0 ? Number.NaN : family.reduce((sum, { ticks }) => sum + ticks, 0) * TICK_US;
};

/** Resident memory of a process and its children, megabytes; NaN where it can't be known. */
export const residentMbOf = (pid) => {
  let kb = Number.NaN;
  for (const { pid: member } of familyOf(pid)) {
    try {
      // Proportional share: pages that children share count once.
      const text = readFileSync(`/proc/${member}/smaps_rollup`, 'utf8');
      kb = (Number.isNaN(kb) ? 0 : kb) + Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
    } catch {
      // It ended meanwhile, or belongs to somebody else.
    }
  }
  return kb / 1024;
};
