// How does a measurement end a process that it started? At once, or after a while of patience; either way it is waited for.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** @param child what `spawn` gave; undefined: nothing was started yet */
export const hasEnded = (child) => child === undefined || child.exitCode !== null || child.signalCode !== null;

/** kill -9, and waits for the end. */
export async function killChild(child) {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Asks a process to end, and kills it where it does not. @param ask {() => unknown} how it is asked */
export async function endChild(child, patienceMs, ask) {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  ask();
  await Promise.race([ended, sleep(patienceMs, undefined, { ref: false })]);
  await killChild(child);
}
