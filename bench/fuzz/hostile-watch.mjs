// How is the server from within while it is attacked? Loaded into it before its own code: answers on a local socket how late its event loop was,
// what processor time and memory it took since it was last asked, and whether anybody has changed what every object inherits.
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
  const inherited = () => {
    const names = [];
    // eslint-disable-next-line guard-for-in -- what is inherited is what is asked for
    for (const name in {}) names.push(name);
    return names;
  };
  createServer((socket) => {
    const { user, system } = process.cpuUsage(cpu);
    const line = { loopMs: delay.max / 1e6, cpuMs: (user + system) / 1e3, mb: mb(), mostMb, inherited: inherited() };
    delay.reset();
    cpu = process.cpuUsage();
    mostMb = mb();
    socket.on('error', () => undefined);
    socket.end(`${JSON.stringify(line)}\n`);
  })
    .listen(path)
    .unref();
}
