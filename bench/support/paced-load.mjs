// How long does something take that comes at a fixed rate? Each request is sent when its time has come, whether or not the one before is
// answered, and is timed from that moment: a server that stalls does not hide behind a client that waits.
import { setTimeout as sleep } from 'node:timers/promises';
import { anEvent, newId } from './events.mjs';

/** Sends `send(n)` `perSecond` times a second for `seconds`.
 *  @returns {Promise<{ latencies: number[], failed: number }>} milliseconds from when each was due */
export async function atRate(perSecond, seconds, send) {
  const startedAt = performance.now();
  const latencies = [];
  let failed = 0;
  const all = [];
  for (let at = 0; at < perSecond * seconds; at++) {
    const due = startedAt + (at * 1000) / perSecond;
    const early = due - performance.now();
    if (early > 0) await sleep(early);
    const one = async () => {
      try {
        await send(at);
        latencies.push(performance.now() - due);
      } catch {
        failed += 1;
      }
    };
    all.push(one());
  }
  await Promise.all(all);
  return { latencies, failed };
}

/** A batch of events that happen now. */
export const liveBatch = (size) => {
  const timestamp = new Date().toISOString();
  return { events: Array.from({ length: size }, () => ({ ...anEvent(newId()), timestamp })) };
};
