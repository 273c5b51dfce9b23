// How is the server from within while it is attacked? Loaded into it before its own code: answers on a local socket how long its event loop stood,
// what processor time and memory it took since it was last asked, and whether anybody has changed what every object inherits.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const { HOSTILE_WATCH: path } = process.env;
// Stores that the server starts load this too.
if (path !== undefined && /[\\/]main\.js$/.test(process.argv[1] ?? '')) {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const mb = () => process.memoryUsage.rss() / 1_048_576;
  let cpu = process.cpuUsage();
  let mostMb = mb();
  setInterval(() => (mostMb = Math.max(mostMb, mb())), 20).unref();
  // What a piece of work took of the processor: on a busy machine the loop is late, and nobody's work is to blame.
  const usedMs = threadClock();
  let heldMs = 0;
  let lastMs = usedMs?.() ?? 0;
  const piece = () => {
    const now = usedMs?.() ?? 0;
    heldMs = Math.max(heldMs, now - lastMs);
    lastMs = now;
  };
  setInterval(piece, 5).unref();
  const inherited = () => {
    const names = [];
    // eslint-disable-next-line guard-for-in -- what is inherited is what is asked for
    for (const name in {}) names.push(name);
    return names;
  };
  createServer((socket) => {
    const { user, system } = process.cpuUsage(cpu);
    piece();
    const loopMs = usedMs === undefined ? delay.max / 1e6 : heldMs;
    heldMs = 0;
    const line = { loopMs, cpuMs: (user + system) / 1e3, mb: mb(), mostMb, inherited: inherited() };
    delay.reset();
    cpu = process.cpuUsage();
    mostMb = mb();
    socket.on('error', () => undefined);
    socket.end(`${JSON.stringify(line)}\n`);
  })
    .listen(path)
    .unref();
}

/** Processor time of this thread, milliseconds; undefined where the system does not tell. */
function threadClock() {
  const path = `/proc/self/task/${process.pid}/schedstat`;
  const read = () => Number(readFileSync(path, 'utf8').split(' ', 1)[0]) / 1e6;
  try {
    return read() > 0 ? read : undefined;
  } catch {
    return undefined;
  }
}
