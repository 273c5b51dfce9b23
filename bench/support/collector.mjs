// What does a server keep in memory, and what is only not collected yet? Loaded into a server, it collects garbage on SIGUSR2.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setTimeout as sleep } from 'node:timers/promises';

const self = fileURLToPath(import.meta.url);
const COLLECTED = 'garbage was collected';
const LIMIT_MS = 30_000;

/** Variables of a server whose memory is asked for. */
export const withCollector = {
  NODE_OPTIONS: `--import ${pathToFileURL(self).href}`,
  COLLECT_GARBAGE_ON_SIGUSR2: 'true',
};

/** Heap of a server after a collection, megabytes. @param server of `withCollector` */
export async function heapMb(server) {
  const before = server.said.split(COLLECTED).length;
  process.kill(server.pid, 'SIGUSR2');
  for (const since = Date.now(); server.said.split(COLLECTED).length === before; await sleep(20))
    if (Date.now() - since > LIMIT_MS) throw new Error('the server collected no garbage');
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/^nodejs_heap_size_used_bytes (\S+)/m.exec(text)?.[1]) / 1_048_576;
}

if (process.env.COLLECT_GARBAGE_ON_SIGUSR2 === 'true') {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  process.on('SIGUSR2', () => {
    // Twice: what the first one finalises the second one frees.
    collect();
    collect();
    process.stderr.write(`${COLLECTED}\n`);
  });
}
