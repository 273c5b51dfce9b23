// How is a server process from within? Loaded into it before its own code: writes each half second how late its event loop was and what
// memory it takes. Stores that it starts load it too, which does no harm: each process has a file of its own.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const folder = process.env.LOOP_WATCH_DIR;
if (folder !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  setInterval(() => {
    const sockets = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const line = {
      at: Date.now(),
      maxMs: delay.max / 1e6,
      p99Ms: delay.percentile(99) / 1e6,
      rss: process.memoryUsage.rss(),
      sockets,
    };
    delay.reset();
    appendFileSync(join(folder, String(process.pid)), `${JSON.stringify(line)}\n`);
  }, 500).unref();
}
